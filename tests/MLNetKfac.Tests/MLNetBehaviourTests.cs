using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tests;

/// <summary>What the component relies on in ML.NET itself. Where one of these fails, a new version of ML.NET does something else.</summary>
[TestClass]
public sealed class MLNetBehaviourTests
{
    private readonly MLContext _context = new(seed: 1);

    [TestMethod]
    public void A_key_counts_its_values_from_1_and_0_is_missing()
    {
        IDataView keyed = Keyed("b", "a", "", "b");

        Assert.AreEqual(2UL, ((KeyDataViewType)keyed.Schema["Label"].Type).Count);
        CollectionAssert.AreEqual((uint[])[1, 2, 0, 1], keyed.GetColumn<uint>("Label").ToArray());
    }

    [TestMethod]
    public void The_values_behind_a_key_are_an_annotation_in_the_order_of_the_keys()
    {
        VBuffer<ReadOnlyMemory<char>> values = default;

        Keyed("b", "a").Schema["Label"].Annotations.GetValue("KeyValues", ref values);

        CollectionAssert.AreEqual((string[])["b", "a"], values.DenseValues().Select(value => value.ToString()).ToArray());
    }

    [TestMethod]
    public void A_column_defined_again_hides_the_earlier_one_and_leaves_it_readable_by_index()
    {
        IDataView rows = _context.Data.LoadFromEnumerable([new Named { Name = "b" }, new Named { Name = "a" }]);
        IDataView keyed = _context.Transforms.Conversion.MapValueToKey("Name").Fit(rows).Transform(rows);

        CollectionAssert.AreEqual((bool[])[true, false], keyed.Schema.Where(column => column.Name == "Name").Select(column => column.IsHidden).ToArray());
        Assert.IsInstanceOfType<KeyDataViewType>(keyed.Schema["Name"].Type);
        CollectionAssert.AreEqual((string[])["b", "a"], keyed.GetColumn<string>(keyed.Schema[0]).ToArray());
    }

    [TestMethod]
    public void Cursors_of_a_set_share_the_rows_and_their_batches_give_the_order()
    {
        IDataView rows = _context.Data.Cache(_context.Data.LoadFromEnumerable(Bars.Make(1000, 1)));

        CollectionAssert.AreEqual(Rows.Read(rows, "Number"), Rows.ReadSet(rows, 4, "Number"));
    }

    [TestMethod]
    public void A_cursor_stands_at_minus_1_before_the_first_row()
    {
        IDataView rows = _context.Data.LoadFromEnumerable(Bars.Make(2, 1));
        using DataViewRowCursor cursor = rows.GetRowCursor(rows.Schema);

        Assert.AreEqual(-1, cursor.Position);
        Assert.IsTrue(cursor.MoveNext());
        Assert.AreEqual(0, cursor.Position);
    }

    [TestMethod]
    public void An_image_loader_disposes_of_the_image_that_it_gets_back()
    {
        using var folder = new TemporaryFolder();
        Save(folder.File("a.png"), 10);
        Save(folder.File("b.png"), 20);
        IDataView names = _context.Data.LoadFromEnumerable([new Named { Name = "a.png" }, new Named { Name = "b.png" }]);
        IDataView images = _context.Transforms.LoadImages("Image", Path.GetDirectoryName(folder.File("a.png")), "Name").Fit(names).Transform(names);
        using DataViewRowCursor cursor = images.GetRowCursor([images.Schema["Image"]]);
        ValueGetter<MLImage> getter = cursor.GetGetter<MLImage>(images.Schema["Image"]);
        MLImage image = null!;
        cursor.MoveNext();
        getter(ref image);
        MLImage first = image;
        Assert.AreEqual(10, first.Pixels[0]);

        cursor.MoveNext();
        getter(ref image);

        Assert.AreNotSame(first, image);
        Assert.AreEqual(20, image.Pixels[0]);
        Assert.ThrowsExactly<InvalidOperationException>(() => first.Pixels.Length);
        image.Dispose();
    }

    [TestMethod]
    [DataRow(false, 3, 2, 4)]
    [DataRow(true, 2, 4, 3)]
    public void Extracted_pixels_are_planes_unless_they_are_interleaved(bool interleaved, int first, int second, int third)
    {
        IDataView empty = _context.Data.LoadFromEnumerable(Array.Empty<Picture>());

        IDataView pixels = _context.Transforms.ExtractPixels("Pixels", "Image", interleavePixelColors: interleaved).Fit(empty).Transform(empty);

        var type = (VectorDataViewType)pixels.Schema["Pixels"].Type;
        CollectionAssert.AreEqual((int[])[first, second, third], type.Dimensions.ToArray());
    }

    [TestMethod]
    public void A_seeded_context_gives_its_components_the_same_numbers()
    {
        int[] draws = [.. new[] { 1, 1, 2 }.Select(seed => ((Microsoft.ML.Runtime.IHostEnvironment)new MLContext(seed)).Register("component").Rand.Next())];

        Assert.AreEqual(draws[0], draws[1]);
        Assert.AreNotEqual(draws[0], draws[2]);
    }

    [TestMethod]
    public void A_prediction_engine_disposes_of_its_transformer()
    {
        IDataView rows = _context.Data.LoadFromEnumerable([new Named { Name = "a" }]);
        ITransformer inner = _context.Transforms.CopyColumns("Copy", "Name").Fit(rows);
        var watched = new Watched(inner);

        _context.Model.CreatePredictionEngine<Named, Copied>(watched).Dispose();

        Assert.AreEqual(1, watched.Disposals);
    }

    private static void Save(string path, byte blue)
    {
        using MLImage image = MLImage.CreateFromPixels(1, 1, MLPixelFormat.Bgra32, [blue, 0, 0, 255]);
        image.Save(path);
    }

    private IDataView Keyed(params string[] names)
    {
        IDataView rows = _context.Data.LoadFromEnumerable(names.Select(name => new Named { Name = name }));
        return _context.Transforms.Conversion.MapValueToKey("Label", "Name").Fit(rows).Transform(rows);
    }

    private sealed class Named
    {
        public string Name { get; set; } = "";
    }

    private sealed class Copied
    {
        public string Copy { get; set; } = "";
    }

    private sealed class Picture
    {
        [ImageType(2, 4)]
        public MLImage? Image { get; set; }
    }

    /// <summary>Another transformer, and how often it was disposed of.</summary>
    private sealed class Watched(ITransformer inner) : ITransformer, IDisposable
    {
        public int Disposals { get; private set; }

        public bool IsRowToRowMapper => inner.IsRowToRowMapper;

        public DataViewSchema GetOutputSchema(DataViewSchema inputSchema) => inner.GetOutputSchema(inputSchema);

        public IRowToRowMapper GetRowToRowMapper(DataViewSchema inputSchema) => inner.GetRowToRowMapper(inputSchema);

        public IDataView Transform(IDataView input) => inner.Transform(input);

        public void Save(ModelSaveContext ctx) => throw new NotSupportedException();

        public void Dispose() => Disposals++;
    }
}
