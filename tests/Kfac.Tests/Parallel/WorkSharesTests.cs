using Kfac.Parallel;

namespace Kfac.Tests.Parallel;

/// <summary>Who does what.</summary>
[TestClass]
public sealed class WorkSharesTests
{
    [TestMethod]
    public void The_costliest_come_first_and_go_to_whoever_has_least()
    {
        CollectionAssert.AreEqual(new[] { 1, 0, 1, 1 }, WorkShares.ByCost([2, 8, 3, 1], ranks: 2));
        CollectionAssert.AreEqual(new[] { 0, 0, 0 }, WorkShares.ByCost([1, 2, 3], ranks: 1));
        CollectionAssert.AreEqual(new[] { 2, 0, 1 }, WorkShares.ByCost([1, 3, 2], ranks: 4), "as many ranks as there is work for");
        Assert.IsEmpty(WorkShares.ByCost([], ranks: 2));
    }
}
