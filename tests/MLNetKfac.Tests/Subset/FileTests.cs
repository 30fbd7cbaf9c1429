using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class FileTests
{
    private readonly MLContext _ml = new(seed: 1);

    [TestMethod]
    public void FieldsAreReadAsTheMembersSay()
    {
        using var file = new TemporaryFile("data.csv", "a,1,1.5,true,0,1,2\nb,-2,2.5,0,3,3,4\n");

        IDataView data = _ml.Data.LoadFromTextFile<Line>(file.Path, separatorChar: ',');

        Assert.AreEqual(new VectorDataViewType(NumberDataViewType.Single, 2), data.Schema["Pair"].Type);
        Assert.AreEqual(new KeyDataViewType(typeof(uint), 10), data.Schema["Key"].Type);
        CollectionAssert.AreEqual(new[] { "a", "b" }, data.GetColumn<string>("Text").ToArray());
        CollectionAssert.AreEqual(new[] { 1, -2 }, data.GetColumn<int>("Whole").ToArray());
        CollectionAssert.AreEqual(new[] { 1.5f, 2.5f }, data.GetColumn<float>("Real").ToArray());
        CollectionAssert.AreEqual(new[] { true, false }, data.GetColumn<bool>("Flag").ToArray());
        CollectionAssert.AreEqual(new uint[] { 1, 4 }, data.GetColumn<uint>("Key").ToArray());
        CollectionAssert.AreEqual(new float[] { 3, 4 }, data.GetColumn<float[]>("Pair").Last());
    }

    [TestMethod]
    public void TheHeaderEmptyLinesAndCommentsAreSkipped()
    {
        using var file = new TemporaryFile("data.csv", "t,w,r,f,k,left,right\n\n// nothing\na,1,1.5,1,0,1,2\n");

        IDataView data = _ml.Data.LoadFromTextFile<Line>(file.Path, separatorChar: ',', hasHeader: true);

        CollectionAssert.AreEqual(new[] { "a" }, data.GetColumn<string>("Text").ToArray());
    }

    [TestMethod]
    public void ShortLinesAreFilledAndUnreadableRealsAreMissing()
    {
        using var file = new TemporaryFile("data.csv", "a\nb,1,what,1,99,NaN,\n");

        IDataView data = _ml.Data.LoadFromTextFile<Line>(file.Path, separatorChar: ',');

        CollectionAssert.AreEqual(new[] { 0, float.NaN }, data.GetColumn<float>("Real").ToArray());
        CollectionAssert.AreEqual(new uint[] { 0, 0 }, data.GetColumn<uint>("Key").ToArray());
        CollectionAssert.AreEqual(new float[] { 0, 0 }, data.GetColumn<float[]>("Pair").First());
        CollectionAssert.AreEqual(new[] { float.NaN, 0 }, data.GetColumn<float[]>("Pair").Last());
    }

    [TestMethod]
    public void OnlyActiveColumnsAreParsed()
    {
        using var file = new TemporaryFile("data.csv", "a,no number,1\n");

        IDataView data = _ml.Data.LoadFromTextFile<Line>(file.Path, separatorChar: ',');

        Assert.AreEqual("a", data.GetColumn<string>("Text").Single());
        FormatException error = Assert.ThrowsExactly<FormatException>(() => data.GetColumn<int>("Whole").ToArray());
        StringAssert.Contains(error.Message, "Whole");
        StringAssert.Contains(error.Message, "no number");
    }

    [TestMethod]
    public void QuotedFieldsMayHoldSeparatorsAndQuotes()
    {
        using var file = new TemporaryFile("data.csv", "\"a,b\",1,1,1,0,1,2\n\"say \"\"x\"\"\",2,1,1,0,1,2\n");

        IDataView data = _ml.Data.LoadFromTextFile<Line>(file.Path, separatorChar: ',', allowQuoting: true);

        CollectionAssert.AreEqual(new[] { "a,b", "say \"x\"" }, data.GetColumn<string>("Text").ToArray());
        CollectionAssert.AreEqual(new[] { 1, 2 }, data.GetColumn<int>("Whole").ToArray());
    }

    [TestMethod]
    public void SparseFieldsFillTheRestOfTheLine()
    {
        using var file = new TemporaryFile("data.txt", "b 6 0:7 1:2.5 5:8\n");

        IDataView data = _ml.Data.LoadFromTextFile<Line>(file.Path, separatorChar: ' ', allowSparse: true);

        Assert.AreEqual(7, data.GetColumn<int>("Whole").Single());
        Assert.AreEqual(2.5f, data.GetColumn<float>("Real").Single());
        CollectionAssert.AreEqual(new float[] { 0, 8 }, data.GetColumn<float[]>("Pair").Single());
    }

    [TestMethod]
    public void AMissingFileOrAttributeIsReportedAtOnce()
    {
        using var file = new TemporaryFile("data.csv", "a\n");

        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => _ml.Data.LoadFromTextFile<Line>(file.Path + ".missing"));
        InvalidOperationException error = Assert.ThrowsExactly<InvalidOperationException>(() => _ml.Data.LoadFromTextFile<FlowerRow>(file.Path));
        StringAssert.Contains(error.Message, "Species");
    }

    [TestMethod]
    public void BinaryFilesKeepTypesAnnotationsAndValues()
    {
        using var file = new TemporaryFile("data.bin");
        IDataView flowers = _ml.Data.LoadFromEnumerable(FlowerRow.Some);
        IDataView keyed = _ml.Transforms.Conversion.MapValueToKey("Species").Fit(flowers).Transform(flowers);
        using (FileStream stream = File.Create(file.Path))
        {
            _ml.Data.SaveAsBinary(keyed, stream);
        }

        IDataView loaded = _ml.Data.LoadFromBinary(file.Path);

        Assert.HasCount(2, loaded.Schema); // the hidden text column is left out
        Assert.AreEqual(4L, loaded.GetRowCount());
        Assert.IsTrue(loaded.Schema["Species"].HasKeyValues());
        CollectionAssert.AreEqual(new uint[] { 1, 2, 1, 3 }, loaded.GetColumn<uint>("Species").ToArray());
        CollectionAssert.AreEqual(new float[] { 7, 8 }, loaded.GetColumn<float[]>("Features").Last());
    }

    [TestMethod]
    public void ABinaryFileMayComeFromAStreamSource()
    {
        using var file = new TemporaryFile("data.bin");
        using (FileStream stream = File.Create(file.Path))
        {
            _ml.Data.SaveAsBinary(_ml.Data.LoadFromEnumerable(FlowerRow.Some), stream);
        }

        IDataView loaded = _ml.Data.LoadFromBinary(new MultiFileSource(file.Path));

        CollectionAssert.AreEqual(new[] { "rose", "iris", "rose", "lily" }, loaded.GetColumn<string>("Species").ToArray());
    }

    private sealed class Line
    {
        [LoadColumn(0)]
        public string Text { get; set; } = "";

        [LoadColumn(1)]
        public int Whole { get; set; }

        [LoadColumn(2)]
        public float Real { get; set; }

        [LoadColumn(3)]
        public bool Flag { get; set; }

        [LoadColumn(4)]
        [KeyType(10)]
        public uint Key { get; set; }

        [LoadColumn(5, 6)]
        public float[] Pair { get; set; } = [];
    }
}
