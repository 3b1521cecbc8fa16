using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Plans;

/// <summary>
/// A whole experiment: parts, options and the shapes between them. Build one with <see cref="Compose"/>, which refuses what
/// cannot work before anything is allocated.
/// </summary>
public sealed record ExperimentPlan : Plan
{
    /// <summary>What they are generated from.</summary>
    public ConditionOptions Condition { get; init; } = new();

    /// <summary>Maps the target, and the image condition, into the space in which diffusion runs.</summary>
    public required PlannedPart<ICompressor> Compressor { get; init; }

    /// <summary>Builds the network.</summary>
    public required PlannedPart<IArchitecture> Architecture { get; init; }

    /// <summary>Adds noise and says what is predicted.</summary>
    public required PlannedPart<INoiseStrategy> Strategy { get; init; }

    /// <summary>Applied to each training term in this order.</summary>
    public IReadOnlyList<PlannedPart<IAugmentation>> Augmentations { get; init; } = [];

    /// <summary>How volumes are generated.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Turns noise into samples.</summary>
    public required PlannedPart<ISampler> Sampler { get; init; }

    /// <summary>How it is judged.</summary>
    public EvaluationOptions Evaluation { get; init; } = new();

    /// <summary>What it is judged by.</summary>
    public IReadOnlyList<PlannedPart<IMetric>> Metrics { get; init; } = [];

    /// <summary>The shapes between its parts; set by <see cref="Compose"/>.</summary>
    public DiffusionShape Shape { get; init; } = new(default, default, 0);

    /// <summary>Kinds of images that have to be read: target and condition.</summary>
    public override IReadOnlyList<string> Kinds => [.. Target.Concat(Condition.Images).Distinct()];

    /// <inheritdoc/>
    public override IReadOnlyList<PartSource> Sources =>
    [
        Compressor.Source, Architecture.Source, Strategy.Source, Sampler.Source,
        .. Augmentations.Select(a => a.Source), .. Metrics.Select(m => m.Source),
    ];

    /// <summary>Derives the shapes, completes the architecture's options and refuses what cannot work.</summary>
    /// <exception cref="PlanRefusedException">The parts do not go together.</exception>
    public static ExperimentPlan Compose(ExperimentPlan draft)
    {
        draft.ValidateTarget();
        ValidateKinds("condition", "images", draft.Condition.Images);
        if (draft.Target.Intersect(draft.Condition.Images).FirstOrDefault() is { } both)
            throw new PlanRefusedException("condition", "images", $"{both} is both target and condition; remove it from one of them");
        if (draft.Condition is { Dropout: > 0, Images.Count: 0 })
            throw new PlanRefusedException("condition", "dropout", $"dropout {draft.Condition.Dropout} has no condition to drop; name one in condition.images or remove it");
        if (draft.Sampling.Guidance > 1 && draft.Condition.Dropout == 0)
            throw new PlanRefusedException(
                "sampling", "guidance",
                $"guidance {draft.Sampling.Guidance} needs predictions without the condition, which condition.dropout: 0 never trains; use guidance: 1 or a dropout such as 0.15");

        if (draft.Evaluation.Timesteps.Any(t => t is not (>= 0 and <= NoiseProcess.Horizon)))
            throw new PlanRefusedException(
                "evaluation", "timesteps", $"timesteps {string.Join(", ", draft.Evaluation.Timesteps)} go beyond 0 to {NoiseProcess.Horizon}, where 0 is clean; correct them");

        draft.ValidateData();
        var volume = new VolumeShape(draft.Target.Count, draft.Data.Depth, draft.Data.Height, draft.Data.Width);
        var latent = draft.Compressor.Call((c, options) => c.LatentShape(options, volume));
        var condition = draft.Condition.Images.Count == 0
            ? default
            : draft.Compressor.Call((c, options) => c.LatentShape(options, volume with { Channels = draft.Condition.Images.Count }));
        var shape = new DiffusionShape(volume, latent, condition.Channels + draft.Condition.CoordinateChannels);
        var fitted = draft.Architecture.Call((a, options) => a.Fit(options, shape));
        return draft with { Shape = shape, Architecture = draft.Architecture with { Options = fitted } };
    }
}
