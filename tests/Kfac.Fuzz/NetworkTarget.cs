using System.Text;
using Kfac.Models;
using Kfac.Networks;
using Kfac.Optimizers;

namespace Kfac.Fuzz;

/// <summary>
/// The description of a network as it stands in a model file, or choices of one (<see cref="ChosenNetwork"/>). What is read gets
/// parameters, and is used as a model.
/// </summary>
internal sealed class NetworkTarget : FuzzTarget
{
    /// <summary>Most channels of a network that is not small whose model file is read, without parameters.</summary>
    private const int MaxChannels = 16;

    private readonly LoadLimits _limits = new(isTimed: false);
    private readonly ModelUse _use = new();
    private readonly byte[] _header = ModelUse.Save(ModelTarget.Untrained(NetworkSpec.For(1, 1, 1).Dense(2)));

    public override FuzzOutcome Run(byte[] file, string what)
    {
        string json = file is [(byte)'{', ..] ? Encoding.UTF8.GetString(file) : ChosenNetwork.Describe(file);
        if (!_limits.TryLoad(json.Length, () => NetworkSpec.FromJson(json), what, out NetworkSpec? spec) || !IsClassifier(spec!))
        {
            return FuzzOutcome.Refused;
        }

        string again = spec!.ToJson();
        if (!NetworkSpec.FromJson(again).Equals(spec))
        {
            throw new InvalidOperationException($"{what} is read, and should be the same when saved and read, but is {again}");
        }

        bool isSmall = SmallNetwork.IsSmall(spec);
        byte[] model = isSmall ? ModelUse.Save(ModelTarget.Untrained(spec)) : WithoutParameters(spec, again);
        if (!_limits.TryLoad(model.Length, () => ImageClassifier.Load(new MemoryStream(model)), what, out ImageClassifier? loaded))
        {
            return isSmall ? throw new InvalidOperationException($"{what} is read, but its model file is refused") : FuzzOutcome.Read;
        }

        OptimizerOptions? optimizer = ModelTarget.OptimizerOf(file);
        return _use.Use(loaded!, optimizer, what) ? FuzzOutcome.Used : FuzzOutcome.Read;
    }

    public override IEnumerable<(string Name, byte[] File)> Seeds() =>
    [
        .. ModelTarget.Networks.Select(network => (network.Name, Encoding.UTF8.GetBytes(network.Spec.ToJson()))),
        ("chosen-pooling", [1, 3, 3, 0, 3, 0, 3, 1, 1, 0, 0, 8]),
        ("chosen-convolution", [1, 3, 3, 0, 2, 1, 1, 2, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 10, 200, 100]),
        ("chosen-block", [1, 3, 3, 1, 1, 12, 11, 0, 100, 1, 0, 1, 8]),
    ];

    private static bool IsClassifier(NetworkSpec spec)
    {
        try
        {
            spec.RequireClassifier(nameof(spec));
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>A model file that ends before the parameters of its network.</summary>
    private byte[] WithoutParameters(NetworkSpec spec, string json)
    {
        using var body = new MemoryStream();
        using var writer = new BinaryWriter(body);
        byte[] description = Encoding.UTF8.GetBytes(json);
        writer.Write(description.Length);
        writer.Write(description);
        writer.Write("[]".Length);
        writer.Write("[]"u8);
        int channels = Math.Min(spec.Input.Channels, MaxChannels);
        for (int i = 0; i < 2; i++)
        {
            writer.Write(channels);
            Array.ForEach([.. Enumerable.Repeat(1f, channels)], writer.Write);
        }

        writer.Flush();
        return ChecksummedFile.Model.Seal(_header, body.ToArray());
    }
}
