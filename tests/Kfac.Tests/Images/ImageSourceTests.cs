using System.IO.Compression;
using Kfac.Images;

namespace Kfac.Tests.Images;

/// <summary>Where images come from.</summary>
[TestClass]
public sealed class ImageSourceTests
{
    [TestMethod]
    public void Memory_gives_back_bytes_and_floats_exactly()
    {
        var source = new MemoryImageSource(new ImageShape(1, 2, 2), 2);
        float[][] images = [[0, 255, 7, 100], [0.5f, 3, 2, 1], [-1, 0, 0, 0], [256, 0, 0, 0]];
        foreach (float[] image in images)
        {
            source.Add(image, 1);
        }

        var read = new float[4];
        for (int n = 0; n < images.Length; n++)
        {
            source.ReadImage(n, read);
            CollectionAssert.AreEqual(images[n], read);
        }
    }

    [TestMethod]
    public void Memory_refuses_what_is_no_image()
    {
        var source = new MemoryImageSource(new ImageShape(1, 2, 1), 2);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => source.Add([1, 2, 3], 0)).Message, "an image of 1x2x1 has 2 values, but 3 came");
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => source.Add([1, float.NaN], 0)).Message, "value 1 of image 0 is NaN");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => source.Add([1, 2], 2));
        Assert.AreEqual(0, source.Count);
    }

    [TestMethod]
    public void Stratified_split_takes_its_share_of_each_class_and_loses_nothing()
    {
        var source = new MemoryImageSource(new ImageShape(1, 1, 1), 3);
        for (int n = 0; n < 111; n++)
        {
            source.Add([n], n < 60 ? 0 : n < 110 ? 1 : 2);
        }

        (ImageSourceSplit training, ImageSourceSplit validation) = ImageSourceSplit.Stratified(source, 0.2, seed: 5);
        Assert.AreEqual(12, Labels(validation).Count(label => label == 0));
        Assert.AreEqual(10, Labels(validation).Count(label => label == 1));
        Assert.AreEqual(0, Labels(validation).Count(label => label == 2), "a class keeps its last image");
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 111).ToArray(), Pixels(training).Concat(Pixels(validation)).ToArray());
        CollectionAssert.AreEqual(Pixels(validation), Pixels(ImageSourceSplit.Stratified(source, 0.2, seed: 5).Validation));
        CollectionAssert.AreNotEqual(Pixels(validation), Pixels(ImageSourceSplit.Stratified(source, 0.2, seed: 6).Validation));
    }

    [TestMethod]
    public void IDX_files_are_read_grey_or_colour_gzipped_or_not()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kfac-idx");
        try
        {
            byte[] grey = [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20, 30, 255];
            byte[] colour = [0, 0, 8, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3];
            Write(folder, "train-images-idx3-ubyte", grey);
            Write(folder, "train-labels-idx1-ubyte.gz", [0, 0, 8, 1, 0, 0, 0, 2, 1, 0]);
            Write(folder, "t10k-images-idx4-ubyte.gz", colour);
            Write(folder, "t10k-labels-idx1-ubyte", [0, 0, 8, 1, 0, 0, 0, 1, 0]);

            MemoryImageSource training = IdxFile.ReadFolder(folder.FullName, "train");
            Assert.AreEqual(new ImageShape(1, 2, 1), training.Shape);
            Assert.AreEqual(2, training.ClassCount);
            CollectionAssert.AreEqual(new[] { 1, 0 }, Labels(training));
            var pixels = new float[2];
            training.ReadImage(1, pixels);
            CollectionAssert.AreEqual(new float[] { 30, 255 }, pixels);
            Assert.AreEqual(new ImageShape(1, 1, 3), IdxFile.ReadFolder(folder.FullName, "t10k").Shape);

            Write(folder, "train-images-idx3-ubyte", grey[..^1]);
            StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => IdxFile.ReadFolder(folder.FullName, "train")).Message, "is cut short");
            Write(folder, "train-images-idx3-ubyte", [0, 0, 9, .. grey[3..]]);
            StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => IdxFile.ReadFolder(folder.FullName, "train")).Message, "is not an IDX file of unsigned bytes: it begins with 000009");
            Write(folder, "train-images-idx3-ubyte", [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 10, 20]);
            StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => IdxFile.ReadFolder(folder.FullName, "train")).Message, "holds [1, 1, 2]");
            StringAssert.Contains(Assert.ThrowsExactly<FileNotFoundException>(() => IdxFile.ReadFolder(folder.FullName, "valid")).Message, "none of valid-images-idx3-ubyte, valid-images-idx3-ubyte.gz");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static void Write(DirectoryInfo folder, string name, byte[] bytes)
    {
        using FileStream file = File.Create(Path.Combine(folder.FullName, name));
        using Stream stream = name.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(file, CompressionLevel.Fastest) : file;
        stream.Write(bytes);
    }

    private static int[] Labels(IImageSource source) => [.. Enumerable.Range(0, source.Count).Select(source.GetLabel)];

    private static int[] Pixels(IImageSource source)
    {
        var pixel = new float[1];
        return [.. Enumerable.Range(0, source.Count).Select(n =>
        {
            source.ReadImage(n, pixel);
            return (int)pixel[0];
        })];
    }
}
