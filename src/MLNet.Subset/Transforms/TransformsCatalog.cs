using Microsoft.ML.Runtime;

namespace Microsoft.ML;

/// <summary>What the extension methods for transforms hang on.</summary>
public sealed class TransformsCatalog
{
    internal TransformsCatalog(IHostEnvironment env)
    {
        Environment = env.Register(nameof(TransformsCatalog));
        Conversion = new ConversionTransforms(this);
    }

    public ConversionTransforms Conversion { get; }

    internal IHostEnvironment Environment { get; }

    /// <summary>What the extension methods for type conversions hang on.</summary>
    public sealed class ConversionTransforms
    {
        internal ConversionTransforms(TransformsCatalog owner)
        {
            Environment = owner.Environment;
        }

        internal IHostEnvironment Environment { get; }
    }
}

/// <summary>The names of an output column and of the input column it is made from.</summary>
public sealed class InputOutputColumnPair
{
    public InputOutputColumnPair(string outputColumnName, string inputColumnName = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(outputColumnName);
        OutputColumnName = outputColumnName;
        InputColumnName = inputColumnName ?? outputColumnName;
    }

    public string InputColumnName { get; }

    public string OutputColumnName { get; }
}
