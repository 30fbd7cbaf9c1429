using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Data;

/// <summary>
/// What holds for every estimator and the transformer it fits, whatever they do: schemas agree wherever they are asked for,
/// rows come out the same however they are read, and saving changes nothing.
/// </summary>
internal static class EstimatorCheck
{
    /// <param name="context">Where the estimator comes from.</param>
    /// <param name="estimator">What is checked.</param>
    /// <param name="data">Rows that it can be fitted on, numbered 0 … in a column <c>Number</c>.</param>
    public static void Run(MLContext context, IEstimator<ITransformer> estimator, IDataView data)
    {
        ITransformer transformer = estimator.Fit(data);
        IDataView output = transformer.Transform(data);

        SchemasAgree(estimator, transformer, data, output);
        string[] rows = Rows.Read(output);
        RowsArePreserved(data, output, rows);
        ColumnsComeOutAloneAsTogether(output, rows);
        RowsComeOutTheSameHoweverTheyAreRead(context, transformer, data, output, rows);
        SavingChangesNothing(context, transformer, data, rows);
    }

    private static void SchemasAgree(IEstimator<ITransformer> estimator, ITransformer transformer, IDataView data, IDataView output)
    {
        string[] actual = Rows.Describe(output.Schema);
        CollectionAssert.AreEqual(actual, Rows.Describe(transformer.GetOutputSchema(data.Schema)));
        Assert.IsTrue(transformer.IsRowToRowMapper);
        CollectionAssert.AreEqual(actual, Rows.Describe(transformer.GetRowToRowMapper(data.Schema).OutputSchema));

        CollectionAssert.AreEquivalent(Describe(ShapeOf(output)), Describe(estimator.GetOutputSchema(ShapeOf(data))));
        ITransformer again = estimator.Fit(data);
        CollectionAssert.AreEqual(actual, Rows.Describe(again.GetOutputSchema(data.Schema)));
    }

    private static void RowsArePreserved(IDataView data, IDataView output, string[] rows)
    {
        string[] passed = [.. data.Schema.Where(column => !column.IsHidden && Visible(output.Schema, column)).Select(column => column.Name)];
        CollectionAssert.AreEqual(Rows.Read(data, passed), Rows.Read(output, passed));
        Assert.HasCount(Rows.Read(data, passed).Length, rows);
        if (output.GetRowCount() is long count)
        {
            Assert.AreEqual(rows.Length, count);
        }

        // No column at all: still as many rows.
        using DataViewRowCursor cursor = output.GetRowCursor([]);
        int moved = 0;
        while (cursor.MoveNext())
        {
            Assert.AreEqual(moved++, cursor.Position);
        }

        Assert.HasCount(moved, rows);
    }

    private static void ColumnsComeOutAloneAsTogether(IDataView output, string[] rows)
    {
        DataViewSchema.Column[] columns = Rows.Active(output.Schema);
        for (int i = 0; i < columns.Length; i++)
        {
            CollectionAssert.AreEqual(rows.Select(row => row.Split(" | ")[i]).ToArray(), Rows.Read(output, columns[i].Name), columns[i].Name);
            using DataViewRowCursor cursor = output.GetRowCursor([columns[i]]);
            Assert.IsTrue(cursor.IsColumnActive(columns[i]));
            foreach (DataViewSchema.Column other in columns.Where(other => other.Index != columns[i].Index))
            {
                Assert.IsFalse(cursor.IsColumnActive(other));
            }
        }
    }

    private static void RowsComeOutTheSameHoweverTheyAreRead(MLContext context, ITransformer transformer, IDataView data, IDataView output, string[] rows)
    {
        CollectionAssert.AreEqual(rows, Rows.ReadSet(output, 1));
        CollectionAssert.AreEqual(rows, Rows.ReadSet(output, 4));
        CollectionAssert.AreEqual(rows, RowByRow(transformer, data));
        CollectionAssert.AreEqual(rows, Rows.Read(context.Data.Cache(output)));
        CollectionAssert.AreEqual(rows[..5], Rows.Read(context.Data.TakeRows(output, 5)));
        CollectionAssert.AreEqual(rows[5..], Rows.Read(context.Data.SkipRows(output, 5)));
        CollectionAssert.AreEqual(rows[3..7], Rows.Read(context.Data.FilterRowsByColumn(output, "Number", 3, 7)));
        CollectionAssert.AreEqual(rows[..10], Rows.Read(transformer.Transform(context.Data.TakeRows(data, 10))));

        string[] shuffled = Rows.Read(context.Data.ShuffleRows(output, seed: 3));
        CollectionAssert.AreNotEqual(rows, shuffled);
        CollectionAssert.AreEquivalent(rows, shuffled);

        using var folder = new TemporaryFolder();
        using (FileStream file = File.Create(folder.File("rows")))
        {
            context.Data.SaveAsBinary(output, file);
        }

        CollectionAssert.AreEqual(rows, Rows.Read(context.Data.LoadFromBinary(folder.File("rows"))));
        Assert.HasCount(Math.Min(rows.Length, 7), output.Preview(maxRows: 7).RowView);
    }

    private static string[] RowByRow(ITransformer transformer, IDataView data)
    {
        IRowToRowMapper mapper = transformer.GetRowToRowMapper(data.Schema);
        DataViewSchema.Column[] active = Rows.Active(mapper.OutputSchema);
        DataViewRowCursor cursor = data.GetRowCursor(mapper.GetDependencies(active));
        using DataViewRow row = mapper.GetRow(cursor, active);
        return [.. Rows.Read(row, cursor.MoveNext, active)];
    }

    private static void SavingChangesNothing(MLContext context, ITransformer transformer, IDataView data, string[] rows)
    {
        using var saved = new MemoryStream();
        context.Model.Save(transformer, data.Schema, saved);
        saved.Position = 0;
        ITransformer loaded = new MLContext().Model.Load(saved, out _);
        CollectionAssert.AreEqual(rows, Rows.Read(loaded.Transform(data)));

        using var savedAgain = new MemoryStream();
        context.Model.Save(loaded, data.Schema, savedAgain);
        savedAgain.Position = 0;
        CollectionAssert.AreEqual(rows, Rows.Read(new MLContext().Model.Load(savedAgain, out _).Transform(data)));
    }

    /// <summary>The shape of a schema, which ML.NET makes for the first estimator of a chain that is fitted.</summary>
    private static SchemaShape ShapeOf(IDataView data)
    {
        var listener = new ShapeListener();
        Assert.ThrowsExactly<OperationCanceledException>(() => new EstimatorChain<ITransformer>().Append(listener).Fit(data));
        return listener.Heard!;
    }

    private static string[] Describe(SchemaShape shape) =>
        [.. shape.Select(column => $"{column.Name} {column.Kind} {(column.IsKey ? "key " : "")}{column.ItemType} [{string.Join(", ", Describe(column.Annotations).Order())}]")];

    private static bool Visible(DataViewSchema schema, DataViewSchema.Column column) => schema.GetColumnOrNull(column.Name)?.Index == column.Index;

    private sealed class ShapeListener : IEstimator<ITransformer>
    {
        public SchemaShape? Heard { get; private set; }

        public SchemaShape GetOutputSchema(SchemaShape inputSchema)
        {
            Heard = inputSchema;
            throw new OperationCanceledException("heard enough");
        }

        public ITransformer Fit(IDataView input) => throw new NotSupportedException();
    }
}
