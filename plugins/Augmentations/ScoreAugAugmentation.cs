using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>
/// Score augmentation (arXiv:2508.07926): transforms the noisy sample, the condition and the target alike, after noise was added, so that
/// the denoiser learns <c>f(T(x_t), t, ω) = T(target)</c>. One transform a step, on the latent's grid; the timesteps stay.
/// </summary>
[Augmentation(
    "score_aug",
    Summary = "Score augmentation: noisy sample and target turned, mirrored, shifted or cut out alike, and the denoiser told how.")]
public sealed class ScoreAugAugmentation : IAugmentation<ScoreAugOptions>
{
    /// <inheritdoc/>
    public IReadOnlyList<PartConflict> Conflicts =>
    [
        new(
            PartKind.Augmentation,
            "sda",
            "both turn and mirror the same sample, and omega would tell of one of the two; remove one",
            IsRefused: true),
    ];

    /// <inheritdoc/>
    public Augmentation Create(ScoreAugOptions options, DiffusionShape shape, PartContext context)
    {
        if (options is { Rotation: false, Flip: false, Translation: false, Cutout: false, Patterns: false })
            throw new PlanException(
                "score_aug has every transform switched off and would do nothing; switch one on or leave score_aug out", "rotation");
        if (options is { Compose: true, Patterns: true })
            throw new PlanException("patterns already draws transforms one by one, in its own way; remove compose or patterns", "compose");
        // noise looks the same from every side but anatomy does not: without ω the denoiser has to guess which way it is, and
        // learns to generate all of them
        if (options is { Omega: false, Rotation: true } or { Omega: false, Flip: true })
            throw new PlanException(
                "rotation and flip need omega: true, or the denoiser learns to generate turned and mirrored volumes; "
                + "set omega: true, or rotation and flip: false",
                "omega");
        if (options.Translation)
            Translation.Require(shape.Latent);
        if (options.Patterns)
            Pattern.Require(shape.Latent);
        return new ScoreAug(options, shape.Latent, Symmetries.Of(options.Rotation, options.Flip, shape.Latent));
    }

    private sealed class ScoreAug : Augmentation
    {
        private readonly ScoreAugOptions _options;
        private readonly VolumeShape _grid;

        // what draws each transform that a step may have: those that set nothing to 0 but what comes in from outside, and all of them
        private readonly IReadOnlyList<Func<Generator, Transform>> _harmless;
        private readonly IReadOnlyList<Func<Generator, Transform>> _all;

        public ScoreAug(ScoreAugOptions options, VolumeShape grid, IReadOnlyList<Transform> symmetries)
        {
            (_options, _grid) = (options, grid);
            List<Func<Generator, Transform>> draws = [];
            if (symmetries.Count > 0)
                draws.Add(random => random.Pick(symmetries));
            if (options.Translation)
                draws.Add(random => Translation.Draw(grid, random));
            _harmless = [.. draws];
            if (options.Cutout)
                draws.Add(random => Cutout.Draw(grid, random));
            _all = draws;
        }

        public override int OmegaSize => _options.Omega ? Omega.Size : 0;

        public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random)
        {
            var transforms = _options.Patterns ? Structured(random) : _options.Compose ? Each(_all, random) : One(random);
            var told = _options.Omega ? term with { Omega = Describe(transforms, term.Clean.shape[0], term.Clean.device) } : term;
            if (transforms.Length == 0)
                return [told];
            return
            [
                told with
                {
                    Clean = Through(transforms, term.Clean),
                    Noise = Through(transforms, term.Noise),
                    Noisy = Through(transforms, term.Noisy),
                    Target = Through(transforms, term.Target),
                    Condition = term.Condition is null ? null : Through(transforms, term.Condition),
                    VoxelWeights = term.VoxelWeights is null ? null : Moved(transforms, term.VoxelWeights),
                },
            ];
        }

        /// <summary>One of all or none, each as likely.</summary>
        private Transform[] One(Generator random)
        {
            var choice = random.Whole(0, _all.Count);
            return choice == 0 ? [] : [_all[choice - 1](random)];
        }

        /// <summary>Each of them by itself.</summary>
        private Transform[] Each(IReadOnlyList<Func<Generator, Transform>> draws, Generator random) =>
            [.. draws.Where(_ => random.Happens(_options.Probability)).Select(draw => draw(random))];

        /// <summary>Each of the harmless ones by itself, and then at most one that sets something to 0.</summary>
        private Transform[] Structured(Generator random)
        {
            var harmless = Each(_harmless, random);
            if (!random.Happens(_options.DestructiveProbability))
                return harmless;
            return _options.Cutout && !random.Happens(_options.PatternShare)
                ? [.. harmless, Cutout.Draw(_grid, random)]
                : [.. harmless, new Pattern(random.Whole(0, Pattern.Count - 1))];
        }

        private static Tensor Through(IReadOnlyList<Transform> transforms, Tensor x)
        {
            using var scope = NewDisposeScope();
            return transforms.Aggregate(x, (volume, transform) => transform.Apply(volume)).MoveToOuterDisposeScope();
        }

        private static Tensor Moved(IReadOnlyList<Transform> transforms, Tensor weights)
        {
            using var scope = NewDisposeScope();
            return transforms.Aggregate(weights, (moved, transform) => transform.Move(moved)).MoveToOuterDisposeScope();
        }

        private static Tensor Describe(IReadOnlyList<Transform> transforms, long batch, Device device)
        {
            var omega = new float[Omega.Size];
            foreach (var transform in transforms)
                transform.Describe(omega);
            using var scope = NewDisposeScope();
            return tensor(omega, device: device).expand(batch, -1).contiguous().MoveToOuterDisposeScope();
        }
    }
}
