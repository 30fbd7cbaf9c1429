using Microsoft.ML;
using Microsoft.ML.Data;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

[TestClass]
public sealed class TransformerTests
{
    private static readonly MLContext Context = new(seed: 1);

    private static readonly KfacImageClassificationTransformer Model = Context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()).Fit(Bars.Load(Context, 60, 1));

    [TestMethod]
    public void The_outputs_carry_the_annotations_of_a_multiclass_model()
    {
        DataViewSchema schema = Model.GetOutputSchema(Bars.Load(Context, 3, 2).Schema);

        CollectionAssert.AreEqual(
            (string[])["PredictedLabel Key<UInt32, 0-2> [KeyValues Vector<String, 3>, ScoreColumnKind String, ScoreColumnSetId Key<UInt32, 0-2147483646>, ScoreValueKind String]",
                "Score Vector<Single, 3> [ScoreColumnKind String, ScoreColumnSetId Key<UInt32, 0-2147483646>, ScoreValueKind String, SlotNames Vector<String, 3>, TrainingLabelValues Vector<String, 3>]"],
            Rows.Describe(schema)[^2..]);
        foreach ((string column, string kind) in new[] { ("PredictedLabel", "KeyValues"), ("Score", "SlotNames"), ("Score", "TrainingLabelValues") })
        {
            VBuffer<ReadOnlyMemory<char>> names = default;
            schema[column].Annotations.GetValue(kind, ref names);
            CollectionAssert.AreEqual(Bars.Kinds, names.DenseValues().Select(name => name.ToString()).ToArray());
        }

        foreach (string column in new[] { "PredictedLabel", "Score" })
        {
            ReadOnlyMemory<char> kind = default, valueKind = default;
            schema[column].Annotations.GetValue("ScoreColumnKind", ref kind);
            schema[column].Annotations.GetValue("ScoreValueKind", ref valueKind);
            Assert.AreEqual("MulticlassClassification", kind.ToString());
            Assert.AreEqual(column, valueKind.ToString());
        }
    }

    [TestMethod]
    public void The_outputs_are_declared_as_those_of_a_trainer_of_MLNETs_own()
    {
        IDataView bars = Bars.Load(Context, 60, 1);
        IEstimator<ITransformer> own = Context.MulticlassClassification.Trainers.LbfgsMaximumEntropy();

        CollectionAssert.AreEqual(Rows.Describe(own.Fit(bars).GetOutputSchema(bars.Schema)), Rows.Describe(Model.GetOutputSchema(bars.Schema)));
    }

    [TestMethod]
    public void Each_model_of_a_chain_has_a_score_set_of_its_own()
    {
        DataViewSchema schema = Model.GetOutputSchema(Model.GetOutputSchema(Bars.Load(Context, 3, 2).Schema));

        uint[] sets = [.. schema.Where(column => column.Name is "Score" or "PredictedLabel").Select(SetId)];

        CollectionAssert.AreEqual((uint[])[1, 1, 2, 2], sets);

        static uint SetId(DataViewSchema.Column column)
        {
            uint id = 0;
            column.Annotations.GetValue("ScoreColumnSetId", ref id);
            return id;
        }
    }

    [TestMethod]
    public void Hidden_columns_are_those_they_were_before_they_were_hidden()
    {
        KfacImageClassificationTransformer other = Context.MulticlassClassification.Trainers.KfacImageClassification(Bars.Options()).Fit(Bars.Load(Context, 30, 3));
        IDataView once = Model.Transform(Bars.Load(Context, 20, 2)), thrice = Model.Transform(other.Transform(once));
        DataViewSchema.Column hidden = thrice.Schema[once.Schema["Score"].Index];

        using DataViewRowCursor cursor = thrice.GetRowCursor([hidden]);

        Assert.IsTrue(hidden.IsHidden);
        CollectionAssert.AreEqual(Rows.Read(once, "Score"), Rows.Read(cursor, cursor.MoveNext, [hidden]).ToArray());
    }

    [TestMethod]
    public void Features_are_not_read_where_no_output_is_asked_for()
    {
        IDataView scored = Model.Transform(Bars.Key(Context, new Unreadable(Context, 20)));

        Assert.HasCount(20, Rows.Read(scored, nameof(Bar.Kind), nameof(Bar.Number), "Label"));
        Assert.ThrowsExactly<NotSupportedException>(() => Rows.Read(scored, "Score"));
        Assert.ThrowsExactly<NotSupportedException>(() => Rows.Read(scored, "PredictedLabel"));
    }

    [TestMethod]
    public void Only_what_was_asked_for_can_be_got()
    {
        IDataView scored = Model.Transform(Bars.Load(Context, 3, 2));

        foreach (string active in new[] { "Number", "Score" })
        {
            using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema[active]]);
            string message = Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cursor.GetGetter<uint>(scored.Schema["PredictedLabel"])).Message;
            StringAssert.Contains(message, "'PredictedLabel' is not active");
        }

        using DataViewRowCursor wrong = scored.GetRowCursor([scored.Schema["Score"], scored.Schema["Number"]]);
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => wrong.GetGetter<float>(scored.Schema["Score"])).Message, "'Score' is Vector<Single, 3>");
        StringAssert.Contains(Assert.ThrowsExactly<InvalidOperationException>(() => wrong.GetGetter<int>(scored.Schema["Number"])).Message, "'Number' is Single");
    }

    [TestMethod]
    public void Values_that_were_handed_out_belong_to_the_receiver()
    {
        IDataView scored = Model.Transform(Bars.Load(Context, 70, 2));
        string[] expected = Rows.Read(scored, "Score");
        var kept = new List<VBuffer<float>>();
        using (DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema["Score"], scored.Schema["Features"]]))
        {
            ValueGetter<VBuffer<float>> score = cursor.GetGetter<VBuffer<float>>(scored.Schema["Score"]), features = cursor.GetGetter<VBuffer<float>>(scored.Schema["Features"]);
            while (cursor.MoveNext())
            {
                VBuffer<float> own = default;
                features(ref own);
                VBufferEditor.CreateFromBuffer(ref own).Values.Clear();
                score(ref own);
                kept.Add(own);
            }

            Assert.IsFalse(cursor.MoveNext());
            Assert.ThrowsExactly<InvalidOperationException>(() =>
            {
                VBuffer<float> none = default;
                score(ref none);
            });
        }

        CollectionAssert.AreEqual(expected, kept.Select(score => string.Join(' ', score.DenseValues().Select(value => BitConverter.SingleToUInt32Bits(value).ToString("x8")))).ToArray());
        CollectionAssert.AreEqual(expected, Rows.Read(scored, "Score"));
    }

    [TestMethod]
    [DataRow("Number")]
    [DataRow("Score")]
    public void Position_batch_and_id_are_the_inputs_also_where_the_cursor_looks_ahead(string column)
    {
        IDataView scored = Model.Transform(new Numbered(Bars.Load(Context, 200, 2)));

        using DataViewRowCursor cursor = scored.GetRowCursor([scored.Schema[column]]);
        ValueGetter<DataViewRowId> idGetter = cursor.GetIdGetter();
        var seen = new List<(long Position, long Batch, DataViewRowId Id)>();
        while (cursor.MoveNext())
        {
            DataViewRowId id = default;
            idGetter(ref id);
            seen.Add((cursor.Position, cursor.Batch, id));
        }

        CollectionAssert.AreEqual(Enumerable.Range(0, 200).Select(row => ((long)row, Numbered.BatchOf(row), Numbered.IdOf(row))).ToArray(), seen);
    }

    [TestMethod]
    [DataRow(float.NaN)]
    [DataRow(float.PositiveInfinity)]
    public void A_pixel_that_is_no_number_gives_scores_that_are_none_and_no_label(float pixel)
    {
        Bar[] bars = Bars.Make(9, 2);
        string[] clean = Rows.Read(Model.Transform(Context.Data.LoadFromEnumerable(bars)), "PredictedLabel", "Score");
        bars[4].Features[10] = pixel;

        string[] rows = Rows.Read(Model.Transform(Context.Data.LoadFromEnumerable(bars)), "PredictedLabel", "Score");

        Assert.AreEqual("0 | ffc00000 ffc00000 ffc00000", rows[4]);
        CollectionAssert.AreEqual(clean[..4], rows[..4]);
        CollectionAssert.AreEqual(clean[5..], rows[5..]);
    }

    [TestMethod]
    public void Images_of_another_size_are_refused_before_any_row_is_read()
    {
        IDataView wide = Context.Data.LoadFromEnumerable([new Other<float>()]);

        foreach (Action use in new Action[] { () => Model.Transform(wide), () => Model.GetOutputSchema(wide.Schema), () => Model.GetRowToRowMapper(wide.Schema) })
        {
            StringAssert.Contains(
                Assert.ThrowsExactly<ArgumentOutOfRangeException>(use).Message,
                "FeatureColumnName 'Features': expected images of 8x8x1 (64 values of Single), as the model was trained on, but the column is Vector<Single, 63>");
        }
    }

    [TestMethod]
    public void A_feature_column_of_another_type_or_none_is_refused()
    {
        IDataView bytes = Context.Data.LoadFromEnumerable([new Other<byte>()]), none = Context.Data.LoadFromEnumerable([new { Number = 1f }]);

        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Model.Transform(bytes)).Message, "but the column is Vector<Byte, 63>");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => Model.Transform(none)).Message, "FeatureColumnName 'Features': expected a vector of Single or Byte of known size, or an image, but there is no such column");
    }

    [TestMethod]
    public void A_row_with_fewer_values_than_its_type_says_is_named()
    {
        Bar[] bars = Bars.Make(5, 2);
        bars[3].Features = new float[10];

        string message = Assert.ThrowsExactly<FormatException>(() => Rows.Read(Model.Transform(Context.Data.LoadFromEnumerable(bars)), "Score")).Message;

        Assert.AreEqual("row 3 has 10 values in column 'Features', but its type says 64", message);
    }

    [TestMethod]
    public void Sparse_features_are_the_same_as_dense_ones()
    {
        float[] dense = new float[64];
        (dense[3], dense[40]) = (200, 100);
        var definition = SchemaDefinition.Create(typeof(Sparse));
        definition["Features"].ColumnType = new VectorDataViewType(NumberDataViewType.Single, 64);

        string[] rows = Rows.Read(
            Model.Transform(Context.Data.LoadFromEnumerable(
                [new Sparse { Features = new VBuffer<float>(64, dense) }, new Sparse { Features = new VBuffer<float>(64, 2, [200, 100], [3, 40]) }], definition)),
            "Score");

        Assert.AreEqual(rows[0], rows[1]);
    }

    private sealed class Other<T>
    {
        [VectorType(63)]
        public T[] Features { get; set; } = new T[63];
    }

    private sealed class Sparse
    {
        public VBuffer<float> Features { get; set; }
    }

    /// <summary>Bars whose features must not be read.</summary>
    private sealed class Unreadable(MLContext context, int count) : IDataView
    {
        private readonly IDataView _bars = context.Data.LoadFromEnumerable(Bars.Make(count, 1));

        public bool CanShuffle => false;

        public DataViewSchema Schema => _bars.Schema;

        public long? GetRowCount() => null;

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) =>
            columnsNeeded.Any(column => column.Name == "Features") ? throw new NotSupportedException("features were asked for") : _bars.GetRowCursor(columnsNeeded);

        public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded, rand)];
    }

    /// <summary>Rows with batches and ids that no other view gives.</summary>
    private sealed class Numbered(IDataView rows) : IDataView
    {
        public bool CanShuffle => false;

        public DataViewSchema Schema => rows.Schema;

        public static long BatchOf(long position) => 100 + position / 3;

        public static DataViewRowId IdOf(long position) => new((ulong)position, 7);

        public long? GetRowCount() => null;

        public DataViewRowCursor GetRowCursor(IEnumerable<DataViewSchema.Column> columnsNeeded, Random? rand = null) => new Cursor(rows.GetRowCursor(columnsNeeded));

        public DataViewRowCursor[] GetRowCursorSet(IEnumerable<DataViewSchema.Column> columnsNeeded, int n, Random? rand = null) => [GetRowCursor(columnsNeeded, rand)];

        private sealed class Cursor(DataViewRowCursor rows) : DataViewRowCursor
        {
            public override DataViewSchema Schema => rows.Schema;

            public override long Position => rows.Position;

            public override long Batch => BatchOf(Position);

            public override bool MoveNext() => rows.MoveNext();

            public override bool IsColumnActive(DataViewSchema.Column column) => rows.IsColumnActive(column);

            public override ValueGetter<DataViewRowId> GetIdGetter() => (ref DataViewRowId id) => id = IdOf(Position);

            public override ValueGetter<TValue> GetGetter<TValue>(DataViewSchema.Column column) => rows.GetGetter<TValue>(column);
        }
    }
}
