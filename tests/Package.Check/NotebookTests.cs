using System.Text.Json;

namespace PackageCheck;

/// <summary>samples/Notebook.ipynb in the .NET Interactive kernel, with the packages of the folder.</summary>
[TestClass]
public sealed class NotebookTests
{
    [TestMethod]
    public void The_notebook_runs_from_top_to_bottom()
    {
        string samples = PackageFolder.Metadata("SamplesFolder");
        string work = Directory.CreateTempSubdirectory().FullName;
        try
        {
            Copy(Path.Combine(samples, "ImageFolder", "data"), Path.Combine(work, "ImageFolder", "data"));
            using NotebookKernel kernel = new(work);
            kernel.Run($"#i \"nuget: {PackageFolder.Path}\"");

            string[] outputs = [.. ReadCode(Path.Combine(samples, "Notebook.ipynb")).Select(kernel.Run)];

            Assert.HasCount(5, outputs);
            Assert.Contains("480 pictures in 6 classes", outputs[0]);
            Assert.Contains("epoch 10 of 10", outputs[1]);
            Assert.MatchesRegex(@"accuracy \d\d", outputs[2]);
            Assert.Contains("conv2d_1", outputs[3]);
            foreach (string file in (string[])["report.html", "model.zip", "model.onnx"])
            {
                Assert.IsGreaterThan(1000, new FileInfo(Path.Combine(work, file)).Length, file);
            }
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static IEnumerable<string> ReadCode(string path)
    {
        using JsonDocument notebook = JsonDocument.Parse(File.ReadAllText(path));
        foreach (JsonElement cell in notebook.RootElement.GetProperty("cells").EnumerateArray().Where(cell => cell.GetProperty("cell_type").GetString() == "code"))
        {
            yield return string.Concat(cell.GetProperty("source").EnumerateArray().Select(line => line.GetString()));
        }
    }

    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            string target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
