using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(
    typeof(ValueToKeyMappingTransformer), null, typeof(SignatureLoadModel), "Value to key", ValueToKeyMappingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>Learns which values a column has and numbers them.</summary>
public sealed class ValueToKeyMappingEstimator : IEstimator<ValueToKeyMappingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;
    private readonly int _maximumNumberOfKeys;
    private readonly KeyOrdinality _keyOrdinality;
    private readonly bool _keyValuesAsText;
    private readonly IDataView _keyData;

    internal ValueToKeyMappingEstimator(
        InputOutputColumnPair[] columns, int maximumNumberOfKeys, KeyOrdinality keyOrdinality, bool keyValuesAsText, IDataView keyData)
    {
        ArgumentNullException.ThrowIfNull(columns);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maximumNumberOfKeys);
        if (keyData is not null && keyData.Schema.Count != 1)
        {
            throw new ArgumentOutOfRangeException(nameof(keyData), $"The key data has one column, the values in their order; this has {keyData.Schema.Count}.");
        }

        _columns = columns;
        _maximumNumberOfKeys = maximumNumberOfKeys;
        _keyOrdinality = keyOrdinality;
        _keyValuesAsText = keyValuesAsText;
        _keyData = keyData;
    }

    /// <summary>Whether keys are given in the order values first occur, or in the order of the sorted values.</summary>
    public enum KeyOrdinality : byte
    {
        ByOccurrence = 0,
        ByValue = 1,
    }

    public ValueToKeyMappingTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new ValueToKeyMappingTransformer(_columns, [.. _columns.Select(pair => Learn(input, pair))], _keyValuesAsText);
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(_columns.Select(pair =>
        {
            SchemaShape.Column input = inputSchema.RequireColumn(pair.InputColumnName);
            if (!BuiltInTypes.IsBuiltIn(input.ItemType.RawType))
            {
                throw SchemaMismatch.WrongType(nameof(inputSchema), "input", input.Name, "a primitive type", input.TypeDescription);
            }

            return new SchemaShape.Column(pair.OutputColumnName, input.Kind, NumberDataViewType.UInt32, isKey: true, OutputAnnotations(input));
        }));
    }

    private SchemaShape OutputAnnotations(SchemaShape.Column input)
    {
        if (!input.IsKey || !input.Annotations.TryFindColumn(AnnotationKinds.KeyValues, out SchemaShape.Column keyValues))
        {
            DataViewType valueType = _keyValuesAsText ? TextDataViewType.Instance : input.ItemType;
            keyValues = new SchemaShape.Column(AnnotationKinds.KeyValues, SchemaShape.Column.VectorKind.Vector, valueType, isKey: false);
        }

        return new SchemaShape([.. input.Annotations.Where(annotation => annotation.Name == AnnotationKinds.SlotNames), keyValues]);
    }

    private TermMap Learn(IDataView input, InputOutputColumnPair pair)
    {
        DataViewSchema.Column column = input.Schema.RequireColumn(pair.InputColumnName);
        if (_keyData is null)
        {
            return TermMap.Learn(input, column, _maximumNumberOfKeys, _keyOrdinality);
        }

        DataViewType keyDataType = _keyData.Schema[0].Type;
        return keyDataType.ItemTypeOrSelf.Equals(column.Type.ItemTypeOrSelf)
            ? TermMap.Learn(_keyData, _keyData.Schema[0], _maximumNumberOfKeys, _keyOrdinality)
            : throw new ArgumentOutOfRangeException(nameof(input), $"The key data holds {keyDataType}, but column '{column.Name}' holds {column.Type}.");
    }
}

/// <summary>Replaces values by their keys.</summary>
public sealed class ValueToKeyMappingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "ValueToKey";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBVALKY");

    private readonly TermMap[] _terms;
    private readonly bool _keyValuesAsText;

    internal ValueToKeyMappingTransformer(InputOutputColumnPair[] columns, TermMap[] terms, bool keyValuesAsText)
        : base(columns)
    {
        _terms = terms;
        _keyValuesAsText = keyValuesAsText;
    }

    private ValueToKeyMappingTransformer(BinaryReader reader)
        : base(reader)
    {
        _keyValuesAsText = reader.ReadBoolean();
        _terms = [.. ColumnPairs.Select(_ => TermMap.Read(reader))];
    }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
    {
        TermMap terms = _terms[pair];
        if (!input.Type.ItemTypeOrSelf.Equals(terms.ItemType))
        {
            throw SchemaMismatch.WrongType("inputSchema", "input", input.Name, terms.ItemType.ToString(), input.Type.ToString());
        }

        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(input.Annotations, kind => kind == AnnotationKinds.SlotNames);
        terms.AddKeyValues(annotations, input, _keyValuesAsText);
        DataViewType type = ItemMap.ResultType(input.Type, terms.KeyType);
        return new OneToOneColumn(
            input, ColumnPairs[pair].OutputColumnName, type, annotations.ToAnnotations(), row => terms.MakeGetter(row, input));
    }

    private protected override void Write(BinaryWriter writer)
    {
        base.Write(writer);
        writer.Write(_keyValuesAsText);
        foreach (TermMap terms in _terms)
        {
            terms.Write(writer);
        }
    }

    private static ValueToKeyMappingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));
}
