using System.Reflection;
using Kfac.Optimizers;
using MLNetKfac;

namespace DocsTests;

/// <summary>docs/options.md has whatever can be set.</summary>
[TestClass]
public sealed class OptionsPageTests
{
    private static readonly string Page = File.ReadAllText(Documents.All().Single(path => Path.GetFileName(path) == "options.md"));

    [TestMethod]
    public void Every_option_of_the_trainer_is_described() =>
        AssertDescribed(typeof(KfacImageClassificationTrainer.Options).GetFields(BindingFlags.Public | BindingFlags.Instance));

    [TestMethod]
    public void Every_option_of_folders_and_reports_is_described() =>
        AssertDescribed(((Type[])[typeof(ImageFolderOptions), typeof(TrainingReportOptions)]).SelectMany(type => type.GetFields(BindingFlags.Public | BindingFlags.Instance)));

    [TestMethod]
    public void Every_option_of_every_optimizer_is_described() =>
        AssertDescribed(typeof(OptimizerOptions).Assembly.GetExportedTypes().Where(type => type.IsSubclassOf(typeof(OptimizerOptions))).SelectMany(type => type.GetProperties()));

    private static void AssertDescribed(IEnumerable<MemberInfo> options)
    {
        string[] missing = [.. options.Where(option => !IsDescribed(option)).Select(option => $"{option.DeclaringType!.Name}.{option.Name}").Distinct()];
        Assert.IsEmpty(missing, $"docs/options.md lacks {string.Join(", ", missing)}");
    }

    /// <summary>As `Name` or `Type.Name`.</summary>
    private static bool IsDescribed(MemberInfo option) =>
        Page.Contains($"`{option.Name}`", StringComparison.Ordinal) || Page.Contains($".{option.Name}`", StringComparison.Ordinal);
}
