using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(
    typeof(KeyToValueMappingTransformer), null, typeof(SignatureLoadModel), "Key to value", KeyToValueMappingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>Turns keys back into the values that the column's KeyValues annotation holds.</summary>
public sealed class KeyToValueMappingEstimator : TrivialEstimator<KeyToValueMappingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;

    internal KeyToValueMappingEstimator(InputOutputColumnPair[] columns)
        : base(new KeyToValueMappingTransformer(columns))
    {
        _columns = columns;
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(_columns.Select(pair =>
        {
            SchemaShape.Column input = inputSchema.RequireColumn(pair.InputColumnName);
            if (!input.IsKey)
            {
                throw SchemaMismatch.WrongType(nameof(inputSchema), "input", input.Name, "a key", input.TypeDescription);
            }

            if (!input.Annotations.TryFindColumn(AnnotationKinds.KeyValues, out SchemaShape.Column keyValues))
            {
                throw new ArgumentOutOfRangeException(nameof(inputSchema), $"Key column '{input.Name}' has no {AnnotationKinds.KeyValues} annotation to map its keys with.");
            }

            var slotNames = new SchemaShape(input.Annotations.Where(annotation => annotation.Name == AnnotationKinds.SlotNames));
            return new SchemaShape.Column(pair.OutputColumnName, input.Kind, keyValues.ItemType, keyValues.IsKey, slotNames);
        }));
    }
}

/// <summary>Replaces keys by their values; a missing key gives a missing value.</summary>
public sealed class KeyToValueMappingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "KeyToValue";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBKYVAL");

    internal KeyToValueMappingTransformer(InputOutputColumnPair[] columns)
        : base(columns)
    {
    }

    private KeyToValueMappingTransformer(BinaryReader reader)
        : base(reader)
    {
    }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
    {
        if (input.Type.ItemTypeOrSelf is not KeyDataViewType key)
        {
            throw SchemaMismatch.WrongType("inputSchema", "input", input.Name, "a key", input.Type.ToString());
        }

        if (input.Annotations.Schema.GetColumnOrNull(AnnotationKinds.KeyValues) is not { Type: VectorDataViewType values })
        {
            throw SchemaMismatch.WrongType("inputSchema", "input", input.Name, $"a key with a {AnnotationKinds.KeyValues} annotation", input.Type.ToString());
        }

        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(input.Annotations, kind => kind == AnnotationKinds.SlotNames);
        return new OneToOneColumn(
            input,
            ColumnPairs[pair].OutputColumnName,
            ItemMap.ResultType(input.Type, values.ItemType),
            annotations.ToAnnotations(),
            row => TypeArgument.Close(MakeGetter<uint, int>, key.RawType, values.ItemType.RawType)(row, input));
    }

    private static Delegate MakeGetter<TKey, TValue>(DataViewRow row, DataViewSchema.Column input)
    {
        VBuffer<TValue> annotation = default;
        input.GetKeyValues(ref annotation);
        TValue[] values = [.. annotation.DenseValues()];
        TValue missing = MissingValue.Of<TValue>();
        return ItemMap.MakeGetter<TKey, TValue>(row, input, key =>
        {
            ulong number = Convert.ToUInt64(key);
            return number > 0 && number <= (ulong)values.Length ? values[number - 1] : missing;
        });
    }

    private static KeyToValueMappingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));
}
