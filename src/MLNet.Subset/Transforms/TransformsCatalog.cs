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
