using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;
using Microsoft.ML.Transforms;

[assembly: LoadableClass(
    typeof(NormalizingTransformer), null, typeof(SignatureLoadModel), "Normalize", NormalizingTransformer.LoaderSignature)]

namespace Microsoft.ML.Transforms;

/// <summary>Learns from the data how to scale columns of reals.</summary>
public sealed class NormalizingEstimator : IEstimator<NormalizingTransformer>
{
    private readonly InputOutputColumnPair[] _columns;
    private readonly long _maximumExampleCount;
    private readonly bool _fixZero;

    internal NormalizingEstimator(InputOutputColumnPair[] columns, long maximumExampleCount, bool fixZero)
    {
        ArgumentNullException.ThrowIfNull(columns);
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumExampleCount, 2);
        _columns = columns;
        _maximumExampleCount = maximumExampleCount;
        _fixZero = fixZero;
    }

    public NormalizingTransformer Fit(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        GetOutputSchema(SchemaShape.Create(input.Schema));
        return new NormalizingTransformer(
            _columns,
            [.. _columns.Select(pair => AffineMap.LearnMinMax(input, input.Schema[pair.InputColumnName], _maximumExampleCount, _fixZero))]);
    }

    public SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return inputSchema.With(_columns.Select(pair =>
        {
            SchemaShape.Column input = inputSchema.RequireColumn(pair.InputColumnName);
            bool isReal = input.ItemType.Equals(NumberDataViewType.Single) || input.ItemType.Equals(NumberDataViewType.Double);
            if (!isReal || input.Kind == SchemaShape.Column.VectorKind.VariableVector)
            {
                throw SchemaMismatch.WrongType(
                    nameof(inputSchema), "input", input.Name, "Single or Double, or a vector of known size of them", input.TypeDescription);
            }

            var annotations = new SchemaShape([
                .. input.Annotations.Where(annotation => annotation.Name == AnnotationKinds.SlotNames),
                new SchemaShape.Column(AnnotationKinds.IsNormalized, BooleanDataViewType.Instance)]);
            return new SchemaShape.Column(pair.OutputColumnName, input.Kind, input.ItemType, isKey: false, annotations);
        }));
    }
}

/// <summary>Scales columns of reals.</summary>
public sealed class NormalizingTransformer : OneToOneTransformerBase
{
    internal const string LoaderSignature = "Normalize";

    private static readonly TransformerFormat OwnFormat = new(LoaderSignature, "SUBNORML");

    private readonly AffineMap[] _maps;

    internal NormalizingTransformer(InputOutputColumnPair[] columns, AffineMap[] maps)
        : base(columns)
    {
        _maps = maps;
    }

    private NormalizingTransformer(BinaryReader reader)
        : base(reader)
    {
        _maps = [.. ColumnPairs.Select(_ => AffineMap.Read(reader))];
    }

    private protected override TransformerFormat Format => OwnFormat;

    private protected override OneToOneColumn BindColumn(int pair, DataViewSchema.Column input)
    {
        AffineMap map = _maps[pair];
        int slots = input.Type is VectorDataViewType vector ? vector.Size : 1;
        if (!input.Type.ItemTypeOrSelf.Equals(map.ItemType) || slots != map.SlotCount)
        {
            throw SchemaMismatch.WrongType("inputSchema", "input", input.Name, $"{map.SlotCount} of {map.ItemType}", input.Type.ToString());
        }

        var annotations = new DataViewSchema.Annotations.Builder();
        annotations.Add(input.Annotations, kind => kind == AnnotationKinds.SlotNames);
        annotations.AddPrimitiveValue(AnnotationKinds.IsNormalized, BooleanDataViewType.Instance, true);
        return new OneToOneColumn(
            input, ColumnPairs[pair].OutputColumnName, input.Type, annotations.ToAnnotations(), row => map.MakeGetter(row, input));
    }

    private protected override void Write(BinaryWriter writer)
    {
        base.Write(writer);
        foreach (AffineMap map in _maps)
        {
            map.Write(writer);
        }
    }

    private static NormalizingTransformer Create(IHostEnvironment env, ModelLoadContext ctx) => new(OwnFormat.Open(ctx));
}
