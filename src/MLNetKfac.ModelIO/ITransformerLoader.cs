using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetKfac.ModelIO;

/// <summary>
/// Reads back what the component gave to <see cref="TransformerPersistence.Save"/>. Announced by a
/// <see cref="LoadsTransformerAttribute"/>; needs a constructor without parameters.
/// </summary>
public interface ITransformerLoader
{
    /// <summary>Builds the transformer from its payload.</summary>
    /// <param name="environment">The environment of the context that loads the model.</param>
    /// <param name="version">The version the payload was saved with, never above <see cref="LoadsTransformerAttribute.NewestVersion"/>.</param>
    /// <param name="payload">Exactly the saved bytes, seekable; disposed by the caller.</param>
    /// <exception cref="InvalidDataException">The payload is damaged.</exception>
    ITransformer Load(IHostEnvironment environment, int version, Stream payload);
}
