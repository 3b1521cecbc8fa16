using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Conformance.ModuleChecks;
using static VoxelZoo.Tensors.Scalars;

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
            return created is null ? "Create gives null" : null;
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

        var changesVolumes = false;
        checks.Run("changes_volumes", "ChangesVolumes says whether volumes are changed before the compressor", () =>
        {
            changesVolumes = augmentation.ChangesVolumes;
            return null;
        });
        if (changesVolumes)
            Volumes(checks, augmentation);
        checks.Run(
            "terms",
            "every draw gives at least one term, all of them with the step's shapes, times within 0 to 1000 and finite weights",
            () =>
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
                ("the noisy sample", term.Noisy), ("the target", term.Target), ("x0", term.Clean), ("the noise", term.Noise),
                ("the timesteps", term.Timesteps),
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
                ("Noise", each.Noise, term.Noise), ("Timesteps", each.Timesteps, term.Timesteps),
                ("Condition", each.Condition, term.Condition),
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

    /// <summary>Checks what changes volumes before a compressor sees them.</summary>
    private static void Volumes(CheckList checks, Augmentation augmentation)
    {
        var shape = (Grid with { Channels = 1 }).Batch(2);
        var image = new TrainingImage("bravo", rand(shape), IsMask: false);
        var mask = new TrainingImage("seg", rand(shape).gt(S(0.7)).to(ScalarType.Float32), IsMask: true);
        var volumes = new TrainingVolumes { Images = [image, mask], VoxelWeights = ones(shape) };

        checks.Run("volumes", "images keep their order, shapes and range, masks are 0 or 1, and something changes", () =>
        {
            using var random = new Generator(5, CPU);
            var changes = false;
            for (var draw = 0; draw < Draws; draw++)
            {
                var changed = augmentation.ApplyToVolumes(volumes, random);
                if (changed?.Images is null || changed.Images.Any(each => each?.Voxels is null))
                    return "ApplyToVolumes gives null, or null among its images";
                if (!Kinds(changed).SequenceEqual(Kinds(volumes)))
                    return $"images of {string.Join(", ", volumes.Images.Select(each => each.Kind))} became "
                        + string.Join(", ", changed.Images.Select(each => each.Kind));
                foreach (var (each, before) in changed.Images.Append(Weights(changed)).Zip(volumes.Images.Append(Weights(volumes))))
                {
                    if (!each.Voxels.shape.SequenceEqual(shape) || each.Voxels.dtype != ScalarType.Float32)
                        return $"{each.Kind} is {each.Voxels.dtype} {Shape(each.Voxels.shape)}, not Float32 {Shape(shape)}";
                    changes |= !BitEqual(each.Voxels, before.Voxels);
                }

                var (low, high) = (changed.Images[0].Voxels.min().ToDouble(), changed.Images[0].Voxels.max().ToDouble());
                if (low < image.Low || high > image.High)
                    return $"an image from {image.Low} to {image.High} goes from {low:g4} to {high:g4}";
                if (!changed.Images[1].Voxels.eq(S(0.0)).logical_or(changed.Images[1].Voxels.eq(S(1.0))).all().item<bool>())
                    return "a mask has values other than 0 and 1";
            }

            return changes ? null : $"nothing changed in {Draws} draws";
        });
        checks.Run("given_volumes_untouched", "the given volumes are left as they are", () =>
        {
            using var random = new Generator(5, CPU);
            return Untouched(
                () =>
                {
                    for (var draw = 0; draw < Draws; draw++)
                        augmentation.ApplyToVolumes(volumes, random);
                },
                ("an image", image.Voxels), ("a mask", mask.Voxels), ("the voxels' weights", volumes.VoxelWeights));
        });
        checks.Run("own_stream_of_volumes", "the same stream gives the same volumes", () =>
        {
            using var one = new Generator(5, CPU);
            using var other = new Generator(5, CPU);
            for (var draw = 0; draw < Draws; draw++)
            {
                var first = augmentation.ApplyToVolumes(volumes, one);
                manual_seed(draw);
                var second = augmentation.ApplyToVolumes(volumes, other);
                if (first.Images.Zip(second.Images).Any(pair => !BitEqual(pair.First.Voxels, pair.Second.Voxels)))
                    return "two draws from equal streams differ";
            }

            return null;
        });

        static IEnumerable<(string, bool)> Kinds(TrainingVolumes of) => of.Images.Select(each => (each.Kind, each.IsMask));

        static TrainingImage Weights(TrainingVolumes of) => new("the voxels' weights", of.VoxelWeights ?? zeros(0), IsMask: false);
    }
}
