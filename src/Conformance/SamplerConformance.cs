using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Conformance.ModuleChecks;

namespace VoxelZoo.Conformance;

/// <summary>Checks a sampler on fields whose solution is known.</summary>
public static class SamplerConformance
{
    private static readonly VolumeShape Grid = new(1, 4, 4, 4);

    /// <summary>Runs the checks with the sampler's tiny options.</summary>
    public static IReadOnlyList<ConformanceCheck> Verify(ISampler part, PartContext context)
    {
        var checks = new CheckList();
        Sampler? created = null;
        checks.Run("create", "Create builds a sampler", () =>
        {
            created = part.Create(part.Tiny, context);
            return created is null ? "Create gives null" : null;
        });
        if (created is not { } sampler)
            return checks.Results;

        using var inputs = NewDisposeScope();
        manual_seed(2);
        var (point, noise) = (randn(Grid.Batch(2)), randn(Grid.Batch(2)));
        using var random = new Generator(3, CPU);
        // x0 of a data set that is one point, for the straight process below
        var task = new SamplingTask
        {
            Noise = noise,
            Process = new StraightPath(),
            Predict = (x, t) => point.expand_as(x),
            Random = random,
            LogDensityRatio = (x, _) => zeros(x.shape[0], device: x.device), // samples of that point are as they should be
        };

        checks.Run("one_point", "the exact prediction for a data set of one point ends at that point", () =>
        {
            var difference = Difference(sampler.Sample(task), point);
            return difference < 1e-2 ? null : $"the sample misses the point by {difference:g3} of its size";
        });
        checks.Run("noise_untouched", "the caller's noise is left as it is", () =>
        {
            var before = noise.clone();
            sampler.Sample(task);
            return BitEqual(noise, before) ? null : "the noise was changed in place";
        });
        checks.Run("progress", "progress is reported and reaches t = 0", () =>
        {
            List<SamplerStep> steps = [];
            sampler.Sample(task with { Progress = steps.Add });
            return steps.Count > 0 && steps[^1].Timestep == 0 ? null : "the last progress report is not of t = 0";
        });
        checks.Run("cancellation", "a cancelled token stops it", () =>
        {
            try
            {
                sampler.Sample(task with { Cancellation = new CancellationToken(canceled: true) });
                return "sampling went on after it was cancelled";
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        });
        checks.Run("live_tensors", "sampling leaves nothing behind but the sample", () => LiveTensorsAreFlat(() => sampler.Sample(task)));
        return checks.Results;
    }
}
