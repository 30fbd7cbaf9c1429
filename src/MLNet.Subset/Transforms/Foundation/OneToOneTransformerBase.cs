namespace Microsoft.ML.Data;

/// <summary>The base of transformers that make each of their columns from one input column.</summary>
public abstract class OneToOneTransformerBase : RowToRowTransformerBase
{
    private protected readonly InputOutputColumnPair[] ColumnPairs;

    private protected OneToOneTransformerBase(InputOutputColumnPair[] columnPairs)
    {
        ArgumentNullException.ThrowIfNull(columnPairs);
        ColumnPairs = columnPairs;
    }

    private protected OneToOneTransformerBase(BinaryReader reader)
    {
        ColumnPairs = new InputOutputColumnPair[reader.ReadInt32()];
        for (int i = 0; i < ColumnPairs.Length; i++)
        {
            ColumnPairs[i] = new InputOutputColumnPair(reader.ReadString(), reader.ReadString());
        }
    }

    private protected sealed override ColumnComputation Bind(DataViewSchema inputSchema)
        => new OneToOneComputation([.. ColumnPairs.Select((_, pair) => BindColumn(pair, inputSchema))]);

    /// <summary>What pair number <paramref name="pair"/> makes of its input column.</summary>
    private protected abstract OneToOneColumn BindColumn(int pair, DataViewSchema.Column input);

    private protected override void Write(BinaryWriter writer)
    {
        writer.Write(ColumnPairs.Length);
        foreach (InputOutputColumnPair pair in ColumnPairs)
        {
            writer.Write(pair.OutputColumnName);
            writer.Write(pair.InputColumnName);
        }
    }

    private OneToOneColumn BindColumn(int pair, DataViewSchema inputSchema)
        => BindColumn(pair, inputSchema.RequireColumn(ColumnPairs[pair].InputColumnName));
}

/// <summary>An output column and how its getter is made from the row that has the input column.</summary>
internal sealed record OneToOneColumn(
    DataViewSchema.Column Input, DataViewSchema.DetachedColumn Output, Func<DataViewRow, Delegate> MakeGetter)
{
    public OneToOneColumn(
        DataViewSchema.Column input, string name, DataViewType type, DataViewSchema.Annotations annotations, Func<DataViewRow, Delegate> makeGetter)
        : this(input, new DataViewSchema.DetachedColumn(name, type, annotations), makeGetter)
    {
    }
}

/// <summary>Columns each computed from one input column.</summary>
internal sealed class OneToOneComputation(OneToOneColumn[] columns) : ColumnComputation
{
    public override DataViewSchema.DetachedColumn[] OutputColumns { get; } = [.. columns.Select(column => column.Output)];

    public override IEnumerable<int> InputsOf(int output) => [columns[output].Input.Index];

    public override Delegate[] MakeGetters(DataViewRow input, bool[] active)
        => [.. columns.Select((column, output) => active[output] ? column.MakeGetter(input) : null)];
}
