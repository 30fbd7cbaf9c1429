using Kfac.Kernels;

namespace Kfac.Tests.Kernels;

[TestClass]
[TestCategory("Kernels")]
public sealed class InstructionSetTests
{
    [TestMethod]
    public void Without_a_wish_the_best_is_taken()
    {
        Assert.AreEqual(InstructionSets.Available[0], InstructionSets.Choose(null));
        Assert.AreEqual(InstructionSets.Available[0], InstructionSets.Choose(""));
        Assert.AreEqual(InstructionSet.Scalar, InstructionSets.Available[^1]);
    }

    [TestMethod]
    [DataRow("scalar")]
    [DataRow("Scalar")]
    public void A_wish_is_followed(string wish) => Assert.AreEqual(InstructionSet.Scalar, InstructionSets.Choose(wish));

    [TestMethod]
    [DataRow("avx1024")]
    [DataRow("3")]
    public void An_unknown_wish_says_what_there_is(string wish)
    {
        InvalidOperationException e = Assert.ThrowsExactly<InvalidOperationException>(() => InstructionSets.Choose(wish));
        Assert.Contains(wish, e.Message);
        Assert.Contains("avx512", e.Message);
        Assert.Contains(InstructionSets.Variable, e.Message);
    }
}
