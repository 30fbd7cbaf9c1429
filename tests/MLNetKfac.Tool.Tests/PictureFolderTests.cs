using MLNetKfac.Tests.Data;

namespace MLNetKfac.Tool.Tests;

/// <summary>Which folders a training takes for its pictures, and what is refused before the first step.</summary>
[TestClass]
public sealed class PictureFolderTests : IDisposable
{
    private const string Header = "2 classes (liegend ─, stehend │)";

    private readonly TemporaryFolder _folder = new();

    private string Pictures => _folder.File("p");

    public void Dispose() => _folder.Dispose();

    [TestMethod]
    [DataRow("val")]
    [DataRow("Valid")]
    [DataRow("VALIDATION")]
    public void A_folder_of_validation_pictures_is_held_back(string name)
    {
        Stripes.Write(Path.Combine(Pictures, "Train"), 6);
        Stripes.Write(Path.Combine(Pictures, name), 3);

        ToolProcess.Outcome outcome = Train();

        Assert.AreEqual(0, outcome.Code, outcome.ToString());
        Assert.Contains($"{Header}, 12 pictures to train on, 6 held back", outcome.Output);
        Assert.ContainsSingle(outcome.Output.Where(line => line.StartsWith("6 held-back pictures: accuracy", StringComparison.Ordinal)), outcome.ToString());
        Assert.Contains("these pictures also chose the epoch and the temperature: the figures are a little flattered", outcome.Output);
        Assert.Contains("--validation and the folder", Train("--validation", "0.1").Errors[0]);
    }

    [TestMethod]
    public void Three_folders_are_each_used_and_what_is_beside_them_is_named()
    {
        Stripes.Write(Path.Combine(Pictures, "Train"), 6);
        Stripes.Write(Path.Combine(Pictures, "val"), 2);
        Stripes.Write(Path.Combine(Pictures, "TEST"), 4);
        Stripes.Write(Path.Combine(Pictures, "unlabelled"), 1);

        ToolProcess.Outcome outcome = Train();

        Assert.Contains($"{Header}, 12 pictures to train on, 4 held back, 8 for the test", outcome.Output);
        Assert.Contains("left out beside Train: unlabelled", outcome.Output);
        Assert.ContainsSingle(outcome.Output.Where(line => line.StartsWith("8 test pictures: accuracy", StringComparison.Ordinal)), outcome.ToString());
        Assert.DoesNotContain("flattered", outcome.ToString());
        Assert.ContainsSingle(ToolProcess.Run("evaluate", _folder.File("m.zip"), Pictures).Output.Where(line => line.StartsWith("8 pictures: accuracy", StringComparison.Ordinal)));

        Stripes.Write(Path.Combine(Pictures, "valid"), 1);
        Assert.Contains("must have one folder for val, but has 'val' and 'valid'", Train().Errors[0]);
    }

    [TestMethod]
    [DataRow("train")]
    [DataRow("flowers")]
    public void A_folder_too_high_is_told_from_its_only_folder(string name)
    {
        string inner = Stripes.Write(Path.Combine(Pictures, name), 2);

        string error = Train().Errors[0];

        Assert.Contains("two classes", error);
        Assert.EndsWith($"if the folders in it are the classes, give '{inner}' as DIR", error);
    }

    [TestMethod]
    [DataRow("test")]
    [DataRow("val")]
    public void A_class_that_is_not_trained_on_is_found_before_the_training(string name)
    {
        Stripes.Write(Path.Combine(Pictures, "train"), 3);
        Stripes.Write(Path.Combine(Pictures, name), 2);
        Directory.Move(Path.Combine(Pictures, name, Stripes.Classes[0]), Path.Combine(Pictures, name, "third"));

        ToolProcess.Outcome outcome = Train();

        Assert.AreEqual(1, outcome.Code, outcome.ToString());
        Assert.Contains($"'{Path.Combine(Pictures, "train")}' does not know the class 'third' of '{Path.Combine(Pictures, name)}'", outcome.Errors[0]);
        Assert.IsFalse(File.Exists(_folder.File("m.zip")));
    }

    [TestMethod]
    public void A_class_of_one_picture_can_be_trained_without_holding_back()
    {
        Stripes.Write(Pictures, 1);

        Assert.Contains("at least two readable pictures of each class", Train().Errors[0]);
        Assert.Contains("--validation 0", Train().Errors[0]);
        ToolProcess.Outcome outcome = Train("--validation", "0");
        Assert.AreEqual(0, outcome.Code, outcome.ToString());
    }

    [TestMethod]
    [DataRow("--model", "out")]
    [DataRow("--model", "new/")]
    [DataRow("--report", "out")]
    [DataRow("--log", "out")]
    [DataRow("--model", "file/m.zip")]
    [DataRow("--report", "file/r.html")]
    public void A_file_that_cannot_be_written_is_found_before_the_training(string option, string path)
    {
        Stripes.Write(Pictures, 2);
        Directory.CreateDirectory(_folder.File("out"));
        File.WriteAllText(_folder.File("file"), "");
        Dictionary<string, string> files = new() { ["--model"] = _folder.File("m.zip"), [option] = _folder.File(path) };

        ToolProcess.Outcome outcome = ToolProcess.Run(["train", Pictures, "--epochs", "1", .. files.SelectMany(file => (string[])[file.Key, file.Value])]);

        Assert.AreEqual(1, outcome.Code, outcome.ToString());
        Assert.StartsWith($"kfac: {option}: ", outcome.Errors[0]);
        Assert.Contains(_folder.File(path.Split('/')[0]), outcome.Errors[0]);
        Assert.DoesNotContain(".tmp", outcome.Errors[0]);
        CollectionAssert.AreEqual((string[])[""], outcome.Output, "not a picture was read");
    }

    private ToolProcess.Outcome Train(params string[] options) => ToolProcess.Run(["train", Pictures, "--model", _folder.File("m.zip"), "--epochs", "1", .. options]);
}
