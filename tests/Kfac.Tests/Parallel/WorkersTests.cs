using Kfac.Parallel;

namespace Kfac.Tests.Parallel;

/// <summary>The threads that share a region's units.</summary>
[TestClass]
public sealed class WorkersTests
{
    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    [DataRow(7)]
    public void Every_unit_runs_once_however_often_regions_follow(int count)
    {
        using var workers = new Workers(count);
        var runs = new int[13];
        for (int region = 0; region < 2000; region++)
        {
            workers.Run(runs.Length, (unit, worker) =>
            {
                Assert.IsTrue(worker >= 0 && worker < count);
                Interlocked.Increment(ref runs[unit]);
            });
        }

        Assert.IsTrue(runs.All(times => times == 2000));
    }

    [TestMethod]
    public void Sleepers_wake_for_the_next_region()
    {
        using var workers = new Workers(3);
        int done = 0;
        for (int region = 0; region < 3; region++)
        {
            Assert.IsTrue(SpinWait.SpinUntil(() => workers.Sleeping == 2, TimeSpan.FromMinutes(1)), "idle workers go to sleep");
            workers.Run(8, (_, _) => Interlocked.Increment(ref done));
        }

        Assert.AreEqual(24, done);
    }

    [TestMethod]
    public void Exception_of_a_unit_reaches_the_caller_and_the_workers_go_on()
    {
        using var workers = new Workers(2);
        InvalidOperationException failure = Assert.ThrowsExactly<InvalidOperationException>(() => workers.Run(10, (unit, _) => throw new InvalidOperationException($"unit {unit}")));
        StringAssert.StartsWith(failure.Message, "unit");
        int done = 0;
        workers.Run(10, (_, _) => Interlocked.Increment(ref done));
        Assert.AreEqual(10, done);
    }

    [TestMethod]
    public void At_least_one_worker_is_needed() => Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => new Workers(0));
}
