namespace VoxelZoo.Engine.Data.MaskMeasures;

/// <summary>The Wasserstein-1 distance of two empirical distributions of numbers.</summary>
internal static class Wasserstein
{
    /// <summary>The area between the two cumulative distribution functions; null where one of the samples is empty.</summary>
    /// <param name="first">Numbers in any order.</param>
    /// <param name="second">Likewise; there may be more or fewer of them.</param>
    public static double? Distance(IReadOnlyCollection<double> first, IReadOnlyCollection<double> second)
    {
        if (first.Count == 0 || second.Count == 0)
            return null;
        // each number lifts the one function by its share, or the other
        var up = first.Select(number => (Number: number, Rise: 1.0 / first.Count));
        var down = second.Select(number => (Number: number, Rise: -1.0 / second.Count));
        var steps = up.Concat(down).OrderBy(step => step.Number).ToArray();
        var (area, gap) = (0.0, 0.0);
        for (var i = 0; i + 1 < steps.Length; i++)
        {
            gap += steps[i].Rise;
            area += Math.Abs(gap) * (steps[i + 1].Number - steps[i].Number);
        }

        return area;
    }
}
