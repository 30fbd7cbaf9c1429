using Microsoft.ML.Data;
using Microsoft.ML.Transforms;

namespace Microsoft.ML;

/// <summary>Transforms written by the user.</summary>
public static class CustomMappingCatalog
{
    /// <param name="catalog">The catalog.</param>
    /// <param name="mapAction">Computes the members of the output object from those of the input object; both are reused row after row.</param>
    /// <param name="contractName">The name that a <see cref="CustomMappingFactory{TSrc, TDst}"/> carries; null if the mapping is not to be saved.</param>
    /// <param name="inputSchemaDefinition">How input members map to columns, where attributes do not say it.</param>
    /// <param name="outputSchemaDefinition">How output members map to columns, where attributes do not say it.</param>
    public static CustomMappingEstimator<TSrc, TDst> CustomMapping<TSrc, TDst>(
        this TransformsCatalog catalog,
        Action<TSrc, TDst> mapAction,
        string contractName,
        SchemaDefinition inputSchemaDefinition = null,
        SchemaDefinition outputSchemaDefinition = null)
        where TSrc : class, new()
        where TDst : class, new()
        => new(new CustomMappingTransformer<TSrc, TDst>(mapAction, contractName, inputSchemaDefinition, outputSchemaDefinition));
}
