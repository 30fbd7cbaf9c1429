using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(
    typeof(TypeConvertingTransformer), null, typeof(SignatureLoadModel), "Convert types", TypeConvertingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>Converts the items of columns to another type.</summary>
public sealed class TypeConvertingEstimator : TrivialEstimator<TypeConvertingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;
    private readonly DataKind _outputKind;

    internal TypeConvertingEstimator(InputOutputColumnPair[] columns, DataKind outputKind)
        : base(new TypeConvertingTransformer(columns, outputKind))
    {
        _columns = columns;
        _outputKind = outputKind;
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        PrimitiveDataViewType itemType = BuiltInTypes.FromKind(_outputKind);
        return inputSchema.With(_columns.Select(pair =>
        {
            SchemaShape.Column input = inputSchema.RequireColumn(pair.InputColumnName);
            if (ItemConversion.FindOrNull(input.ItemType.RawType, itemType.RawType) is null)
            {
                throw new ArgumentOutOfRangeException(nameof(inputSchema), $"Column '{input.Name}' of type {input.TypeDescription} cannot be converted to {itemType}.");
            }

            bool isKey = input.IsKey && KeyDataViewType.IsValidDataType(itemType.RawType);
            return new SchemaShape.Column(pair.OutputColumnName, input.Kind, itemType, isKey, input.Annotations);
        }));
    }
}

/// <summary>Adds columns with converted items.</summary>
public sealed class TypeConvertingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "ConvertType";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBCONVT");

    private readonly DataKind _outputKind;

    internal TypeConvertingTransformer(InputOutputColumnPair[] columns, DataKind outputKind)
        : base(columns)
    {
        _outputKind = outputKind;
    }

    private TypeConvertingTransformer(BinaryReader reader)
        : base(reader)
    {
        _outputKind = (DataKind)reader.ReadByte();
    }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
    {
        DataViewType inputItem = input.Type.ItemTypeOrSelf;
        PrimitiveDataViewType outputItem = BuiltInTypes.FromKind(_outputKind);
        Delegate conversion = ItemConversion.FindOrNull(inputItem.RawType, outputItem.RawType);
        if (inputItem is KeyDataViewType inputKey)
        {
            // A key stays a key, in another unsigned integer that is large enough for it.
            conversion = KeyDataViewType.IsValidDataType(outputItem.RawType) && inputKey.Count <= KeyDataViewType.MaxCount(outputItem.RawType)
                ? conversion
                : null;
            outputItem = conversion is null ? outputItem : new KeyDataViewType(outputItem.RawType, inputKey.Count);
        }

        if (conversion is null)
        {
            throw new ArgumentOutOfRangeException("inputSchema", $"Column '{input.Name}' of type {input.Type} cannot be converted to {outputItem}.");
        }

        return new OneToOneColumn(
            input,
            ColumnPairs[pair].OutputColumnName,
            ItemMap.ResultType(input.Type, outputItem),
            OutputAnnotations(input, outputItem),
            row => TypeArgument.Close(MakeGetter<int, int>, inputItem.RawType, outputItem.RawType)(row, input, conversion));
    }

    private protected override void Write(BinaryWriter writer)
    {
        base.Write(writer);
        writer.Write((byte)_outputKind);
    }

    private static DataViewSchema.Annotations OutputAnnotations(DataViewSchema.Column input, PrimitiveDataViewType outputItem)
    {
        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(input.Annotations, kind => kind switch
        {
            AnnotationKinds.SlotNames => true,
            AnnotationKinds.KeyValues => outputItem is KeyDataViewType,
            AnnotationKinds.IsNormalized => outputItem is NumberDataViewType && input.Type.ItemTypeOrSelf is NumberDataViewType,
            _ => false,
        });
        if (input.Type is BooleanDataViewType && outputItem is NumberDataViewType)
        {
            annotations.AddPrimitiveValue(AnnotationKinds.IsNormalized, BooleanDataViewType.Instance, true);
        }

        return annotations.ToAnnotations();
    }

    private static Delegate MakeGetter<TSource, TResult>(DataViewRow row, DataViewSchema.Column input, Delegate conversion)
        => ItemMap.MakeGetter(row, input, (Func<TSource, TResult>)conversion);

    private static TypeConvertingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));
}
