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
    /// <summary>Draws samples and takes the quantiles.</summary>
    /// <param name="path">The way of the samples.</param>
    /// <param name="batches">How many batches of them to draw; each takes a network call a step.</param>
    /// <param name="quantile">Which quantile.</param>
    public static RejectionThresholds Estimate(JudgedPath path, int batches, double quantile)
    {
        var ratios = new List<double>[path.Steps + 1];
        var growths = new List<double>[path.Steps + 1];
        for (var k = 0; k <= path.Steps; k++)
            (ratios[k], growths[k]) = ([], []);
        for (var batch = 0; batch < batches; batch++)
        {
            using var scope = NewDisposeScope();
            var x = path.FreshNoise();
            var before = path.Judge(x, 0);
            ratios[0].AddRange(before);
            for (var k = 0; k < path.Steps; k++)
            {
                x = path.Step(x, k).Next;
                var ratio = path.Judge(x, k + 1);
                ratios[k + 1].AddRange(ratio);
                growths[k + 1].AddRange(ratio.Zip(before, (now, then) => now - then));
                before = ratio;
            }
        }

        return new RejectionThresholds(
            [.. ratios.Select(r => Quantile(r, quantile))], [0, .. growths.Skip(1).Select(g => Quantile(g, quantile))]);
    }

    /// <summary>The quantile of some numbers, between two of them in proportion.</summary>
    private static double Quantile(List<double> numbers, double quantile)
    {
        numbers.Sort();
        var place = quantile * (numbers.Count - 1);
        var below = (int)Math.Floor(place);
        return double.Lerp(numbers[below], numbers[Math.Min(below + 1, numbers.Count - 1)], place - below);
    }
}
