using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Conformance.ModuleChecks;

namespace VoxelZoo.Conformance;

/// <summary>Checks an augmentation: its terms fit together and only the given stream decides them.</summary>
public static class AugmentationConformance
{
    private const int Draws = 32;
    private static readonly VolumeShape Grid = new(2, 4, 8, 8);

    /// <summary>Runs the checks with the augmentation's tiny options.</summary>
    public static IReadOnlyList<ConformanceCheck> Verify(IAugmentation part, PartContext context)
    {
        var checks = new CheckList();
        Augmentation? created = null;
        checks.Run("create", "Create builds an augmentation", () =>
        {
            created = part.Create(part.Tiny, new DiffusionShape(Grid, Grid, 1), context);
            return null;
        });
        if (created is not { } augmentation)
            return checks.Results;

        using var inputs = NewDisposeScope();
        manual_seed(2);
        var process = new StraightPath();
        var (clean, noise, timesteps) = (randn(Grid.Batch(1)), randn(Grid.Batch(1)), tensor([400f]));
        var term = new TrainingTerm
        {
            Clean = clean,
            Noise = noise,
            Timesteps = timesteps,
            Noisy = process.AddNoise(clean, noise, timesteps),
            Target = process.Target(clean, noise, timesteps),
            Condition = randn((Grid with { Channels = 1 }).Batch(1)),
            VoxelWeights = ones((Grid with { Channels = 1 }).Batch(1)),
        };

        checks.Run("terms", "every draw gives at least one term, all of them with the step's shapes, times within 0 to 1000 and finite weights", () =>
        {
            using var random = new Generator(5, CPU);
            for (var draw = 0; draw < Draws; draw++)
            {
                var terms = augmentation.Apply(term, process, random);
                if (terms.Count == 0)
                    return "a draw left no term";
                foreach (var each in terms)
                    if (Fault(each) is { } fault)
                        return fault;
            }

            return null;
        });
        checks.Run("given_term_untouched", "the given term's tensors are left as they are", () =>
        {
            using var random = new Generator(5, CPU);
            return Untouched(
                () =>
                {
                    for (var draw = 0; draw < Draws; draw++)
                        augmentation.Apply(term, process, random);
                },
                ("the noisy sample", term.Noisy), ("the target", term.Target), ("x0", term.Clean), ("the noise", term.Noise), ("the timesteps", term.Timesteps),
                ("the condition", term.Condition), ("the voxels' weights", term.VoxelWeights));
        });
        checks.Run("own_stream", "the same stream gives the same terms", () =>
        {
            using var one = new Generator(5, CPU);
            using var other = new Generator(5, CPU);
            for (var draw = 0; draw < Draws; draw++)
            {
                var first = augmentation.Apply(term, process, one);
                manual_seed(draw);
                var second = augmentation.Apply(term, process, other);
                if (first.Count != second.Count || first.Zip(second).Any(pair => !BitEqual(pair.First.Noisy, pair.Second.Noisy)))
                    return "two draws from equal streams differ";
            }

            return null;
        });
        checks.Run("live_tensors", "drawing leaves no tensors behind", () =>
        {
            using var random = new Generator(5, CPU);
            return LiveTensorsAreFlat(() => augmentation.Apply(term, process, random));
        });
        return checks.Results;

        string? Fault(TrainingTerm each)
        {
            foreach (var (name, tensor, expected) in new[]
            {
                ("Noisy", each.Noisy, term.Noisy), ("Target", each.Target, term.Target), ("Clean", each.Clean, term.Clean),
                ("Noise", each.Noise, term.Noise), ("Timesteps", each.Timesteps, term.Timesteps), ("Condition", each.Condition, term.Condition),
                ("VoxelWeights", each.VoxelWeights, term.VoxelWeights),
            })
                if (tensor is null || !tensor.shape.SequenceEqual(expected!.shape))
                    return $"{name} is {(tensor is null ? "missing" : Shape(tensor.shape))}, not {Shape(expected!.shape)}";
            if (each.Timesteps.min().ToDouble() < 0 || each.Timesteps.max().ToDouble() > NoiseProcess.Horizon)
                return $"a term is at t = {each.Timesteps.max().ToDouble():g4}";
            if (!double.IsFinite(each.Weight) || each.Weight < 0)
                return $"a term has the weight {each.Weight}";
            return (each.Omega?.shape[^1] ?? 0) is var size && size != 0 && size != augmentation.OmegaSize
                ? $"omega has {size} elements, OmegaSize says {augmentation.OmegaSize}"
                : null;
        }
    }
}
