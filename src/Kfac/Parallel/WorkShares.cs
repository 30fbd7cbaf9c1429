namespace Kfac.Parallel;

/// <summary>Which rank does which of some pieces of work.</summary>
internal static class WorkShares
{
    /// <summary>The costliest first, each to the rank with the least to do.</summary>
    /// <param name="costs">Of the pieces, in any unit.</param>
    /// <param name="ranks">Number of ranks.</param>
    /// <returns>The rank of each piece.</returns>
    public static int[] ByCost(IReadOnlyList<double> costs, int ranks)
    {
        var owners = new int[costs.Count];
        var load = new double[ranks];
        foreach (int piece in Enumerable.Range(0, owners.Length).OrderByDescending(piece => costs[piece]))
        {
            owners[piece] = Array.IndexOf(load, load.Min());
            load[owners[piece]] += costs[piece];
        }

        return owners;
    }
}
