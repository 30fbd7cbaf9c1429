using Kfac.Fuzz;

namespace Kfac.Tests.Models;

/// <summary>The files that a coverage-guided fuzzer kept (build/fuzz.sh), each of which takes another path through a reader.</summary>
[TestClass]
public sealed class CorpusTests
{
    public TestContext TestContext { get; set; } = null!;

    public static IEnumerable<string> Targets => FuzzTarget.Names;

    [TestMethod]
    [DynamicData(nameof(Targets))]
    public void Kept_files_are_used_or_refused(string name)
    {
        using var target = FuzzTarget.Create(name);
        var corpus = Corpus.Run(target, Path.Combine(AppContext.BaseDirectory, "corpus", name));
        TestContext.WriteLine(corpus.ToString());

        // Both ends are reached.
        Assert.IsGreaterThan(0, corpus.Used);
        Assert.IsGreaterThan(0, corpus.Refused);
    }

    [TestMethod]
    [DynamicData(nameof(Targets))]
    public void Seeds_are_used(string name)
    {
        using var target = FuzzTarget.Create(name);
        foreach ((string seed, byte[] file) in target.Seeds())
        {
            Assert.AreEqual(FuzzOutcome.Used, target.Run(file, seed), seed);
        }
    }

    [TestMethod]
    public void A_target_of_another_name_is_refused() =>
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentException>(() => FuzzTarget.Create("picture")).Message, "must be one of model, network, checkpoint, state, idx, but is picture");
}
