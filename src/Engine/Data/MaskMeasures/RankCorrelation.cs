namespace VoxelZoo.Engine.Data.MaskMeasures;

/// <summary>Spearman's rank correlation.</summary>
internal static class RankCorrelation
{
    /// <summary>The correlation of the ranks, of which equal numbers share the mean; 0 where one side is constant.</summary>
    /// <param name="first">Numbers.</param>
    /// <param name="second">As many.</param>
    public static double Spearman(IReadOnlyList<double> first, IReadOnlyList<double> second)
    {
        var (x, y) = (Ranks(first), Ranks(second));
        var mean = (first.Count + 1) / 2.0; // of ranks, shared or not
        var (xx, yy, xy) = (0.0, 0.0, 0.0);
        for (var i = 0; i < first.Count; i++)
        {
            xx += (x[i] - mean) * (x[i] - mean);
            yy += (y[i] - mean) * (y[i] - mean);
            xy += (x[i] - mean) * (y[i] - mean);
        }

        return xx == 0 || yy == 0 ? 0 : xy / Math.Sqrt(xx * yy);
    }

    private static double[] Ranks(IReadOnlyList<double> numbers)
    {
        var order = Enumerable.Range(0, numbers.Count).OrderBy(i => numbers[i]).ToArray();
        var ranks = new double[numbers.Count];
        for (var from = 0; from < order.Length;)
        {
            var to = from;
            while (to < order.Length && numbers[order[to]] == numbers[order[from]])
                to++;
            for (var place = from; place < to; place++)
                ranks[order[place]] = (from + 1 + to) / 2.0; // ranks count from 1
            from = to;
        }

        return ranks;
    }
}
