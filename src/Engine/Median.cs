namespace VoxelZoo.Engine;

/// <summary>The number in the middle, which a few that are far off do not move.</summary>
internal static class Median
{
    /// <summary>Of an odd number of values the middle one, else the mean of the two in the middle.</summary>
    /// <param name="values">At least one; in any order.</param>
    public static double Of(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
