using System.Diagnostics;
using System.IO.Compression;
using Microsoft.ML;
using Microsoft.ML.Data;

namespace PackageCheck;

/// <summary>The packages as they come out of <c>dotnet pack</c>.</summary>
[TestClass]
public sealed class PackageTests
{
    private static readonly string[] Packages = ["Kfac", "Kfac.Mpi", "MLNetKfac", "MLNetKfac.ModelIO"];

    /// <summary>The assembly of a package; kfac.dll is the command, and an assembly Kfac would be the same to the loader.</summary>
    private static string AssemblyOf(string package) => package == "Kfac" ? "Kfac.Engine" : package;

    [TestMethod]
    public void A_model_trained_with_the_packages_classifies_alike_in_another_process()
    {
        MLContext mlContext = new(seed: 1);
        IDataView training = Stripes.Load(mlContext, count: 200, seed: 1);
        ITransformer model = mlContext.Transforms.Conversion.MapValueToKey("Label")
            .Append(mlContext.MulticlassClassification.Trainers.KfacImageClassification())
            .Append(mlContext.Transforms.Conversion.MapKeyToValue("PredictedLabel"))
            .Fit(training);
        MulticlassClassificationMetrics metrics = mlContext.MulticlassClassification.Evaluate(model.Transform(Stripes.Load(mlContext, count: 100, seed: 2)));
        Assert.IsGreaterThan(0.9, metrics.MicroAccuracy);

        string path = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        try
        {
            mlContext.Model.Save(model, training.Schema, path);

            CollectionAssert.AreEqual(StripesProgram.Classify(mlContext, model).ToArray(), RunSecondProcess(path));
        }
        finally
        {
            File.Delete(path);
        }
    }

    [TestMethod]
    public void The_tests_ran_on_the_packages_of_the_folder()
    {
        foreach (string package in Packages)
        {
            byte[] packed = Read(package, ".nupkg", $"lib/net10.0/{AssemblyOf(package)}.dll");
            CollectionAssert.AreEqual(packed, File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, $"{AssemblyOf(package)}.dll")));
        }
    }

    [TestMethod]
    public void Each_package_has_documentation_readme_changelog_icon_licence_and_symbols()
    {
        foreach (string package in Packages)
        {
            Assert.IsNotEmpty(Read(package, ".nupkg", $"lib/net10.0/{AssemblyOf(package)}.xml"));
            Assert.IsNotEmpty(Read(package, ".nupkg", "README.md"));
            Assert.IsNotEmpty(Read(package, ".nupkg", "CHANGELOG.md"));
            Assert.IsNotEmpty(Read(package, ".nupkg", "icon.png"));
            Assert.IsNotEmpty(Read(package, ".snupkg", $"lib/net10.0/{AssemblyOf(package)}.pdb"));
            Assert.Contains("<license type=\"expression\">MIT</license>", Nuspec(package));
        }

        CollectionAssert.AllItemsAreUnique(Packages.Select(package => Convert.ToHexString(Read(package, ".nupkg", "README.md"))).ToArray(), "each package has its own readme");
    }

    [TestMethod]
    public void The_dependency_is_on_the_real_MLNET_and_nothing_of_the_stand_in_is_packed()
    {
        Assert.Contains("<dependency id=\"Microsoft.ML\" version=\"5.", Nuspec("MLNetKfac"));
        Assert.DoesNotContain("Microsoft.ML", Nuspec("Kfac"));
        foreach (string package in Packages)
        {
            using ZipArchive archive = Open(package, ".nupkg");
            CollectionAssert.AreEqual(
                new[] { $"{AssemblyOf(package)}.dll" },
                archive.Entries.Select(entry => entry.Name).Where(name => name.EndsWith(".dll", StringComparison.Ordinal)).ToArray());
        }
    }

    private static string[] RunSecondProcess(string model)
    {
        ProcessStartInfo start = new("dotnet", [typeof(StripesProgram).Assembly.Location, model]) { RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode);
        return output.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
    }

    private static string Nuspec(string package) => System.Text.Encoding.UTF8.GetString(Read(package, ".nupkg", $"{package}.nuspec"));

    private static byte[] Read(string package, string extension, string path)
    {
        using ZipArchive archive = Open(package, extension);
        using Stream entry = (archive.GetEntry(path) ?? throw new AssertFailedException($"{package}{extension} has no {path}")).Open();
        using MemoryStream bytes = new();
        entry.CopyTo(bytes);
        return bytes.ToArray();
    }

    private static ZipArchive Open(string package, string extension) =>
        ZipFile.OpenRead(Path.Combine(PackageFolder.Path, $"{package}.{PackageFolder.Version}{extension}"));
}
