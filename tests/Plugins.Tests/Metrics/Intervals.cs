using TorchSharp;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.Tests.Metrics;

internal static class Intervals
{
    /// <summary>Share of experiments whose interval holds the true value.</summary>
    public static double Coverage(int experiments, double truth, Func<MetricResult> experiment) =>
        Enumerable.Range(0, experiments).Average(_ =>
        {
            using var scope = torch.NewDisposeScope();
            var interval = experiment().Interval!;
            return interval.Low <= truth && truth <= interval.High ? 1.0 : 0.0;
        });
}
