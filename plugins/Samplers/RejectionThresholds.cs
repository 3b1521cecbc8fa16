using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>
/// How large a log-ratio is usually: quantiles over samples that were drawn without rejections. They stand for the largest ratio, which
/// rejection sampling divides by and nobody knows.
/// </summary>
/// <param name="Level">For each place of the grid, the noise and the data included.</param>
/// <param name="Growth">The same of the difference to the place before; nothing at the first.</param>
internal sealed record RejectionThresholds(double[] Level, double[] Growth)
{
    /// <summary>The log-ratios of samples that are drawn without rejections, one row for each sample, at all places of the grid.</summary>
    /// <param name="path">The way of the samples; takes a network call a step.</param>
    /// <param name="noise">What they start from.</param>
    public static double[][] Observe(JudgedPath path, Tensor noise)
    {
        using var scope = NewDisposeScope();
        var rows = Enumerable.Range(0, path.Batch).Select(_ => new double[path.Steps + 1]).ToArray();
        var x = noise;
        for (var k = 0; k <= path.Steps; k++)
        {
            if (k > 0)
                x = path.Step(x, k - 1).Next;
            foreach (var (row, ratio) in rows.Zip(path.Judge(x, k)))
                row[k] = ratio;
        }

        return rows;
    }

    /// <summary>Takes the quantiles.</summary>
    /// <param name="observed">Log-ratios of each sample.</param>
    /// <param name="quantile">Which quantile.</param>
    public static RejectionThresholds Of(IReadOnlyList<double[]> observed, double quantile)
    {
        var places = Enumerable.Range(0, observed[0].Length).ToArray();
        return new RejectionThresholds(
            [.. places.Select(k => Quantile([.. observed.Select(row => row[k])], quantile))],
            [0, .. places.Skip(1).Select(k => Quantile([.. observed.Select(row => row[k] - row[k - 1])], quantile))]);
    }

    /// <summary>The same as plain numbers.</summary>
    public double[] ToNumbers() => [.. Level, .. Growth];

    /// <summary>Those that are plain numbers.</summary>
    public static RejectionThresholds OfNumbers(IReadOnlyList<double> numbers) =>
        new([.. numbers.Take(numbers.Count / 2)], [.. numbers.Skip(numbers.Count / 2)]);

    /// <summary>The quantile of some numbers, between two of them in proportion.</summary>
    private static double Quantile(List<double> numbers, double quantile)
    {
        numbers.Sort();
        var place = quantile * (numbers.Count - 1);
        var below = (int)Math.Floor(place);
        return double.Lerp(numbers[below], numbers[Math.Min(below + 1, numbers.Count - 1)], place - below);
    }
}
