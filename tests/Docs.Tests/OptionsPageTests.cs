using System.Reflection;
using Kfac.Optimizers;
using MLNetKfac;

namespace DocsTests;

/// <summary>Whatever can be set is on a page.</summary>
[TestClass]
public sealed class OptionsPageTests
{
    private static readonly string Pages = string.Concat(Documents.All().Select(File.ReadAllText));

    [TestMethod]
    public void Every_option_of_the_trainer_is_described() =>
        AssertDescribed(typeof(KfacImageClassificationTrainer.Options).GetFields(BindingFlags.Public | BindingFlags.Instance));

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
        Pages.Contains($"`{option.Name}`", StringComparison.Ordinal) || Pages.Contains($".{option.Name}`", StringComparison.Ordinal);
}
