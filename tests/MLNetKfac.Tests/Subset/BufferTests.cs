using Microsoft.ML;
using Microsoft.ML.Data;

namespace MLNetKfac.Tests.Subset;

[TestClass]
public sealed class BufferTests
{
    [TestMethod]
    public void ASparseBufferHasDefaultsBetweenItsItems()
    {
        var sparse = new VBuffer<float>(5, 2, [7, 9], [1, 4]);

        Assert.IsFalse(sparse.IsDense);
        CollectionAssert.AreEqual(new float[] { 0, 7, 0, 0, 9 }, sparse.DenseValues().ToArray());
        CollectionAssert.AreEqual(new[] { 1, 4 }, sparse.Items().Select(item => item.Key).ToArray());
        Assert.HasCount(5, sparse.Items(all: true).ToArray());
        Assert.AreEqual(0, sparse.GetItemOrDefault(3));
        Assert.AreEqual(9, sparse.GetItemOrDefault(4));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => sparse.GetItemOrDefault(5));
    }

    [TestMethod]
    public void APartOfASparseBufferIsSparse()
    {
        var sparse = new VBuffer<float>(6, 3, [7, 8, 9], [1, 3, 5]);
        VBuffer<float> part = default;

        sparse.CopyTo(ref part, 2, 3);

        Assert.AreEqual(3, part.Length);
        CollectionAssert.AreEqual(new float[] { 0, 8, 0 }, part.DenseValues().ToArray());
        CollectionAssert.AreEqual(new[] { 1 }, part.GetIndices().ToArray());
    }

    [TestMethod]
    public void CopyingReusesTheArraysOfTheDestination()
    {
        var array = new float[4];
        var destination = new VBuffer<float>(4, array);

        new VBuffer<float>(3, [1, 2, 3]).CopyTo(ref destination);

        Assert.AreEqual(3, destination.Length);
        CollectionAssert.AreEqual(new float[] { 1, 2, 3, 0 }, array);
    }

    [TestMethod]
    public void AnEditorGrowsABufferAndMayKeepItsItems()
    {
        var buffer = new VBuffer<int>(2, [1, 2]);

        VBufferEditor<int> editor = VBufferEditor.Create(ref buffer, 4, keepOldOnResize: true);
        editor.Values[3] = 4;
        Assert.IsTrue(editor.CreatedNewValues);
        buffer = editor.Commit();

        CollectionAssert.AreEqual(new[] { 1, 2, 0, 4 }, buffer.DenseValues().ToArray());
    }

    [TestMethod]
    public void AnEditorMakesSparseBuffers()
    {
        VBuffer<int> buffer = default;
        VBufferEditor<int> editor = VBufferEditor.Create(ref buffer, 10, valuesCount: 3);
        editor.Indices[0] = 2;
        editor.Values[0] = 5;

        buffer = editor.CommitTruncated(1);

        Assert.IsFalse(buffer.IsDense);
        Assert.AreEqual(5, buffer.GetItemOrDefault(2));
        Assert.HasCount(1, buffer.Items().ToArray());
    }

    [TestMethod]
    public void MismatchedArraysAreRefused()
    {
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new VBuffer<float>(3, new float[2]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new VBuffer<float>(3, 2, [1, 2], [0]));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new VBuffer<float>(-1, []));
    }

    [TestMethod]
    public void TypesDescribeAndCompareThemselves()
    {
        Assert.AreEqual("Key<UInt32, 0-2>", new KeyDataViewType(typeof(uint), 3).ToString());
        Assert.AreEqual("Vector<Single, 3, *, 2>", new VectorDataViewType(NumberDataViewType.Single, 3, 0, 2).ToString());
        Assert.AreEqual("Vector<Single>", new VectorDataViewType(NumberDataViewType.Single).ToString());
        Assert.AreEqual(6, new VectorDataViewType(NumberDataViewType.Single, 3, 2).Size);
        Assert.IsFalse(new VectorDataViewType(NumberDataViewType.Single, 3, 0).IsKnownSize);
        Assert.AreEqual(new KeyDataViewType(typeof(byte), 3), new KeyDataViewType(typeof(byte), 3));
        Assert.AreNotEqual<DataViewType>(new VectorDataViewType(NumberDataViewType.Single, 6), new VectorDataViewType(NumberDataViewType.Single, 3, 2));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new KeyDataViewType(typeof(int), 3));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new KeyDataViewType(typeof(byte), 300));
    }

    [TestMethod]
    public void RowIdsDeriveOthers()
    {
        var id = new DataViewRowId(1, 2);

        Assert.AreEqual(id.Fork(), new DataViewRowId(1, 2).Fork());
        CollectionAssert.AllItemsAreUnique(new[] { id, id.Fork(), id.Next(), id.Fork().Next(), id.Next().Fork(), id.Combine(id) });
    }

    [TestMethod]
    public void AnnotationsAreTypedAndNamed()
    {
        var builder = new DataViewSchema.Annotations.Builder();
        builder.AddPrimitiveValue("Size", NumberDataViewType.Int32, 5);
        DataViewSchema.Annotations annotations = builder.ToAnnotations();
        int size = 0;
        float wrong = 0;

        annotations.GetValue("Size", ref size);

        Assert.AreEqual(5, size);
        Assert.Throws<InvalidOperationException>(() => annotations.GetValue("Size", ref wrong));
        Assert.Throws<InvalidOperationException>(() => annotations.GetValue("Missing", ref size));
        Assert.Throws<ArgumentException>(() => builder.Add("Wrong", NumberDataViewType.Single, (ref int value) => value = 1));
    }
}
