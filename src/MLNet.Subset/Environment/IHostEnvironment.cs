namespace Microsoft.ML.Runtime;

/// <summary>Where components get their randomness, log channels and loadable classes from.</summary>
public interface IHostEnvironment : IChannelProvider, IProgressChannelProvider
{
    /// <summary>Creates the environment of one component, with a random generator of its own.</summary>
    IHost Register(string name, int? seed = null, bool? verbose = null);

    /// <summary>The classes that saved models may name.</summary>
    ComponentCatalog ComponentCatalog { get; }
}

/// <summary>The environment of one component.</summary>
public interface IHost : IHostEnvironment
{
    /// <summary>The generator of this component; seeded from its parent, so repeatable when the context has a seed.</summary>
    Random Rand { get; }
}

/// <summary>Gives exceptions the context they were thrown in.</summary>
public interface IExceptionContext
{
    /// <summary>Marks an exception with this context and hands it back to be thrown.</summary>
    TException Process<TException>(TException ex) where TException : Exception;

    /// <summary>A name for messages.</summary>
    string ContextDescription { get; }
}

/// <summary>Opens channels for messages.</summary>
public interface IChannelProvider : IExceptionContext
{
    /// <summary>Opens a text channel.</summary>
    IChannel Start(string name);

    /// <summary>Opens a channel for typed messages.</summary>
    IPipe<TMessage> StartPipe<TMessage>(string name);
}
