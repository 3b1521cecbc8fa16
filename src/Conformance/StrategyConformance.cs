using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Conformance.ModuleChecks;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Conformance;

/// <summary>Checks a noise strategy: its path, its targets, its times.</summary>
public static class StrategyConformance
{
    private static readonly VolumeShape Grid = new(2, 4, 4, 4);
    private static readonly double[] Interior = [200, 500, 800];

    /// <summary>Runs the checks on the process of the strategy's tiny options.</summary>
    public static IReadOnlyList<ConformanceCheck> Verify(INoiseStrategy strategy, PartContext context)
    {
        var checks = new CheckList();
        NoiseProcess? created = null;
        checks.Run("create", "Create builds a process", () =>
        {
            created = strategy.Create(strategy.Tiny, new DiffusionShape(Grid, Grid, 0), context);
            return created is null ? "Create gives null" : null;
        });
        if (created is not { } process)
            return checks.Results;

        using var inputs = NewDisposeScope();
        manual_seed(2);
        var (clean, noise) = (randn(Grid.Batch(Interior.Length)), randn(Grid.Batch(Interior.Length)));
        var timesteps = tensor([.. Interior.Select(t => (float)t)]);

        checks.Run("ends", "t = 0 is the data and t = 1000 is almost nothing but noise", () =>
            Math.Abs(process.Alpha(0) - 1) < 1e-2 && process.Sigma(0) < 2e-2
            && process.Alpha(1000) < 0.1 && Math.Abs(process.Sigma(1000) - 1) < 1e-2
                ? null
                : $"α goes from {process.Alpha(0):g3} to {process.Alpha(1000):g3} and σ from {process.Sigma(0):g3} to "
                    + $"{process.Sigma(1000):g3}");
        checks.Run("inputs_untouched", "samples, noise and times are left as they are", () =>
        {
            (string, Tensor?)[] given = [("x0", clean), ("the noise", noise), ("the timesteps", timesteps)];
            Tensor? noisy = null, target = null;
            if (Untouched(
                () => (noisy, target) = (process.AddNoise(clean, noise, timesteps), process.Target(clean, noise, timesteps)),
                given) is { } fault)
                return fault;
            return Untouched(
                () =>
                {
                    process.Clean(noisy!, target!, timesteps);
                    process.Noise(noisy!, target!, timesteps);
                    process.Derivative(noisy!, target!, timesteps);
                    process.NetworkInput(noisy!, timesteps);
                    process.NetworkTimesteps(timesteps);
                    process.LossWeight(timesteps);
                },
                [("the noisy sample", noisy), ("the prediction", target), ("the timesteps", timesteps)]);
        });
        checks.Run("path", "AddNoise is α(t)·x0 + σ(t)·ε", () =>
            Difference(process.AddNoise(clean, noise, timesteps), Mix(process.Alpha, process.Sigma)) < 1e-4
                ? null
                : "AddNoise does not agree with Alpha and Sigma");
        checks.Run("round_trip", "a perfect prediction gives back x0 and ε", () =>
        {
            var noisy = process.AddNoise(clean, noise, timesteps);
            var target = process.Target(clean, noise, timesteps);
            return Difference(process.Clean(noisy, target, timesteps), clean) > 1e-3 ? "Clean does not give back x0"
                : Difference(process.Noise(noisy, target, timesteps), noise) > 1e-3 ? "Noise does not give back ε"
                : null;
        });
        checks.Run("derivative", "a perfect prediction gives the slope of the path, dα/dτ·x0 + dσ/dτ·ε", () =>
        {
            var derivative = process.Derivative(
                process.AddNoise(clean, noise, timesteps), process.Target(clean, noise, timesteps), timesteps);
            var slope = Mix(t => Slope(process.Alpha, t), t => Slope(process.Sigma, t));
            var difference = Difference(derivative, slope);
            return difference < 0.02
                ? null
                : $"Derivative differs from the path's slope by {difference:p0}; mind its sign and that τ = t/1000";
        });
        checks.Run("timesteps", "training times are float32 [B] on the CPU within 0 to 1000, and only the given stream decides them", () =>
        {
            using var one = new Generator(5, CPU);
            using var other = new Generator(5, CPU);
            var drawn = process.SampleTimesteps(256, one);
            manual_seed(99);
            if (!drawn.shape.SequenceEqual([256L]) || drawn.dtype != ScalarType.Float32 || drawn.device_type != DeviceType.CPU)
                return $"the timesteps are {drawn.dtype} {Shape(drawn.shape)} on {drawn.device_type}";
            if (drawn.min().ToDouble() < 0 || drawn.max().ToDouble() > NoiseProcess.Horizon)
                return $"the timesteps go from {drawn.min().ToDouble():g4} to {drawn.max().ToDouble():g4}";
            return BitEqual(drawn, process.SampleTimesteps(256, other)) ? null : "the same stream gives other timesteps";
        });
        checks.Run("timestep_quantiles", "TimestepQuantile has a share of the training times below it", () =>
        {
            using var random = new Generator(6, CPU);
            var drawn = process.SampleTimesteps(16_384, random).data<float>().ToArray();
            foreach (var share in new[] { 0.05, 0.25, 0.5, 0.75, 0.95 })
            {
                const double tolerance = 0.02; // five deviations
                var quantile = (float)process.TimestepQuantile(share);
                var (below, upTo) = (drawn.Average(t => t < quantile ? 1.0 : 0), drawn.Average(t => t <= quantile ? 1.0 : 0));
                if (below > share + tolerance || upTo < share - tolerance)
                    return $"of the training times {below:p1} are below {quantile:g4}, which is said to be the quantile of {share:p0}";
            }

            return null;
        });
        checks.Run("informative_timesteps", "the timesteps for evaluation rise, one after the other, within 0 to 1000", () =>
        {
            var named = process.InformativeTimesteps;
            if (named is null)
                return "InformativeTimesteps is null";
            return named.Count > 0 && named.All(t => t is >= 0 and <= NoiseProcess.Horizon)
                && named.Zip(named.Skip(1)).All(pair => pair.First < pair.Second)
                ? null
                : $"InformativeTimesteps are {string.Join(", ", named.Select(t => $"{t:g4}"))}";
        });
        checks.Run("time_grid", "the sampling grid of N steps has N + 1 falling times and ends at exactly 0", () =>
        {
            foreach (var steps in new[] { 1, 2, 25, 1000 })
            {
                var grid = process.TimeGrid(steps);
                if (grid.Length != steps + 1 || grid[^1] != 0 || grid[0] > NoiseProcess.Horizon
                    || grid.Zip(grid.Skip(1)).Any(pair => pair.First <= pair.Second))
                    return $"the grid of {steps} steps has {grid.Length} times from {grid[0]:g6} to {grid[^1]:g6}";
            }

            return null;
        });
        checks.Run("live_tensors", "a step's work leaves no tensors behind", () => LiveTensorsAreFlat(() =>
            process.Clean(process.AddNoise(clean, noise, timesteps), process.Target(clean, noise, timesteps), timesteps)));
        return checks.Results;

        Tensor Mix(Func<double, double> ofClean, Func<double, double> ofNoise) => stack(Interior.Select((t, index) =>
            clean[index] * S(ofClean(t)) + noise[index] * S(ofNoise(t))).ToArray());
    }

    private static double Slope(Func<double, double> f, double t) => (f(t + 1) - f(t - 1)) / 2 * NoiseProcess.Horizon;
}
