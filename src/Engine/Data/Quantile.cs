namespace VoxelZoo.Engine.Data;

/// <summary>Quantiles of sorted numbers.</summary>
internal static class Quantile
{
    /// <summary>The number at a share of the way from the first to the last, between two of them in proportion.</summary>
    /// <param name="sorted">The numbers, rising, at least one.</param>
    /// <param name="share">From 0 to 1.</param>
    public static double Of(ReadOnlySpan<float> sorted, double share)
    {
        var place = share * (sorted.Length - 1);
        var below = (int)place;
        return sorted[below] + (place - below) * (sorted[Math.Min(below + 1, sorted.Length - 1)] - (double)sorted[below]);
    }
}
