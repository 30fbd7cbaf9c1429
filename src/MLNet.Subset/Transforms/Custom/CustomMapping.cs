using Microsoft.ML.Data;

namespace Microsoft.ML.Transforms;

/// <summary>Adds columns that a function of the user computes.</summary>
public sealed class CustomMappingEstimator<TSrc, TDst> : TrivialEstimator<CustomMappingTransformer<TSrc, TDst>>
    where TSrc : class, new()
    where TDst : class, new()
{
    internal CustomMappingEstimator(CustomMappingTransformer<TSrc, TDst> transformer)
        : base(transformer)
    {
    }

    public override SchemaShape GetOutputSchema(SchemaShape inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        foreach (RowMember member in Transformer.SourceMembers)
        {
            SchemaShape.Column column = inputSchema.RequireColumn(member.ColumnName);
            var expected = new SchemaShape.Column(member.ColumnName, member.ColumnType);
            bool kindFits = expected.Kind == column.Kind
                || (expected.Kind == SchemaShape.Column.VectorKind.VariableVector && column.Kind == SchemaShape.Column.VectorKind.Vector);
            if (!kindFits || expected.IsKey != column.IsKey || !expected.ItemType.Equals(column.ItemType))
            {
                throw SchemaMismatch.WrongType(
                    nameof(inputSchema), "input", member.ColumnName, member.ColumnType.ToString(), column.TypeDescription);
            }
        }

        return inputSchema.With(SchemaShape.Create(Transformer.AddedSchema));
    }
}

/// <summary>Maps rows through a function of the user.</summary>
public sealed class CustomMappingTransformer<TSrc, TDst> : ITransformer
    where TSrc : class, new()
    where TDst : class, new()
{
    private readonly Action<TSrc, TDst> _map;
    private readonly string _contractName;
    private readonly SchemaDefinition _inputDefinition;
    private readonly SchemaDefinition _outputDefinition;

    internal CustomMappingTransformer(
        Action<TSrc, TDst> map, string contractName, SchemaDefinition inputDefinition = null, SchemaDefinition outputDefinition = null)
    {
        ArgumentNullException.ThrowIfNull(map);
        _map = map;
        _contractName = contractName;
        _inputDefinition = inputDefinition;
        _outputDefinition = outputDefinition;
        SourceMembers = RowMember.Bind(typeof(TSrc), SchemaDefinition.Direction.Both, inputDefinition);
        AddedSchema = RowMember.SchemaOf(RowMember.Bind(typeof(TDst), SchemaDefinition.Direction.Read, outputDefinition));
    }

    bool ITransformer.IsRowToRowMapper => true;

    internal RowMember[] SourceMembers { get; }

    internal DataViewSchema AddedSchema { get; }

    public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => MakeMapper(inputSchema).OutputSchema;

    public IDataView Transform(IDataView input)
    {
        ArgumentNullException.ThrowIfNull(input);
        return new MappedDataView(input, MakeMapper(input.Schema));
    }

    IRowToRowMapper ITransformer.GetRowToRowMapper(DataViewSchema inputSchema) => MakeMapper(inputSchema);

    void ICanSaveModel.Save(ModelSaveContext ctx)
        => CustomMappingFormat.Save(ctx, _contractName, _map.Method.DeclaringType.Assembly);

    private ColumnMapper MakeMapper(DataViewSchema inputSchema)
    {
        ArgumentNullException.ThrowIfNull(inputSchema);
        return ColumnMapper.Append(inputSchema, new Computation(this, inputSchema));
    }

    private sealed class Computation : ColumnComputation
    {
        private readonly CustomMappingTransformer<TSrc, TDst> _parent;
        private readonly RowFiller<TSrc> _filler;
        private readonly int[] _inputs;

        public Computation(CustomMappingTransformer<TSrc, TDst> parent, DataViewSchema inputSchema)
        {
            _parent = parent;
            _filler = new RowFiller<TSrc>(inputSchema, ignoreMissingColumns: false, parent._inputDefinition);
            _inputs = [.. _filler.Columns.Select(column => column.Index)];
            OutputColumns = [.. parent.AddedSchema.Select(column => new DataViewSchema.DetachedColumn(column))];
        }

        public override DataViewSchema.DetachedColumn[] OutputColumns { get; }

        // The function is opaque: each of its outputs may depend on all of its inputs.
        public override IEnumerable<int> InputsOf(int output) => _inputs;

        public override Delegate[] MakeGetters(DataViewRow input, bool[] active)
        {
            var source = new TSrc();
            var destination = new ObjectRow<TDst>(_parent._outputDefinition);
            destination.SetCurrent(new TDst());
            Action<TSrc> fill = _filler.Attach(input);
            long mappedPosition = -1;

            void MapCurrent()
            {
                if (input.Position != mappedPosition)
                {
                    fill(source);
                    _parent._map(source, destination.Current);
                    mappedPosition = input.Position;
                }
            }

            return [.. destination.Schema.Select(column => active[column.Index]
                ? TypeArgument.Close(MakeGetter<int>, column.Type.RawType)(destination, column, MapCurrent)
                : null)];
        }

        private static Delegate MakeGetter<T>(ObjectRow<TDst> destination, DataViewSchema.Column column, Action mapCurrent)
        {
            ValueGetter<T> getter = destination.GetGetter<T>(column);
            return (ValueGetter<T>)((ref T value) =>
            {
                mapCurrent();
                getter(ref value);
            });
        }
    }
}
