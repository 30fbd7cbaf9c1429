namespace Kfac.Fuzz;

/// <summary>A reader of untrusted files, and what may come of a file.</summary>
public abstract class FuzzTarget : IDisposable
{
    /// <summary>The targets' names.</summary>
    public static IReadOnlyList<string> Names { get; } = ["model", "network", "checkpoint", "state", "idx"];

    /// <summary>The target of a name.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">It is none.</exception>
    public static FuzzTarget Create(string name) => name switch
    {
        "model" => new ModelTarget(),
        "network" => new NetworkTarget(),
        "checkpoint" => new CheckpointTarget(),
        "state" => new StateTarget(),
        "idx" => new IdxTarget(),
        _ => throw new ArgumentException($"the target must be one of {string.Join(", ", Names)}, but is {name}", nameof(name)),
    };

    /// <summary>Reads a file, and uses what was read. Exceptions that a file may end in are passed over.</summary>
    /// <param name="file">Any bytes.</param>
    /// <param name="what">For messages.</param>
    /// <exception cref="Exception">Any: a promise of SECURITY.md is broken.</exception>
    public abstract FuzzOutcome Run(byte[] file, string what);

    /// <summary>Small valid files, by name.</summary>
    public abstract IEnumerable<(string Name, byte[] File)> Seeds();

    /// <inheritdoc/>
    public virtual void Dispose() => GC.SuppressFinalize(this);
}
