using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Plans;

/// <summary>
/// A whole experiment: parts, options and the shapes between them. Build one with <see cref="Compose"/>, which refuses what
/// cannot work before anything is allocated.
/// </summary>
public sealed record ExperimentPlan
{
    /// <summary>Short name, also the default name of its run folders.</summary>
    public required string Id { get; init; }

    /// <summary>One line for people.</summary>
    public string Title { get; init; } = "";

    /// <summary>Where the volumes are and how they are prepared.</summary>
    public required DataOptions Data { get; init; }

    /// <summary>Kinds of images that are generated, one channel each.</summary>
    public required IReadOnlyList<string> Target { get; init; }

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

    /// <summary>How it is trained.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>How volumes are generated.</summary>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>Turns noise into samples.</summary>
    public required PlannedPart<ISampler> Sampler { get; init; }

    /// <summary>How it is judged.</summary>
    public EvaluationOptions Evaluation { get; init; } = new();

    /// <summary>What it is judged by.</summary>
    public IReadOnlyList<PlannedPart<IMetric>> Metrics { get; init; } = [];

    /// <summary>What must hold of it.</summary>
    public ExpectOptions Expect { get; init; } = new();

    /// <summary>The shapes between its parts; set by <see cref="Compose"/>.</summary>
    public DiffusionShape Shape { get; init; } = new(default, default, 0);

    /// <summary>Kinds of images that have to be read: target and condition.</summary>
    public IReadOnlyList<string> Kinds => [.. Target.Concat(Condition.Images).Distinct()];

    /// <summary>Derives the shapes, completes the architecture's options and refuses what cannot work.</summary>
    /// <exception cref="PlanRefusedException">The parts do not go together.</exception>
    public static ExperimentPlan Compose(ExperimentPlan draft)
    {
        if (draft.Target.Count == 0)
            throw new PlanRefusedException("target", null, "target names no image kind; name at least one, such as bravo");
        if (draft.Target.Intersect(draft.Condition.Images).FirstOrDefault() is { } both)
            throw new PlanRefusedException("condition", "images", $"{both} is both target and condition; remove it from one of them");
        if (draft.Sampling.Guidance > 1 && draft.Condition.Dropout == 0)
            throw new PlanRefusedException(
                "sampling", "guidance",
                $"guidance {draft.Sampling.Guidance} needs predictions without the condition, which condition.dropout: 0 never trains; use guidance: 1 or a dropout such as 0.15");

        if (draft.Evaluation.Timesteps.Where(t => t is < 0 or > NoiseProcess.Horizon).Cast<double?>().FirstOrDefault() is { } outside)
            throw new PlanRefusedException("evaluation", "timesteps", $"timestep {outside} is not between 0, clean, and {NoiseProcess.Horizon}, noise");

        ValidateData(draft);
        var volume = new VolumeShape(draft.Target.Count, draft.Data.Depth, draft.Data.Height, draft.Data.Width);
        var latent = draft.Compressor.Call((c, options) => c.LatentShape(options, volume));
        var condition = draft.Condition.Images.Count == 0
            ? default
            : draft.Compressor.Call((c, options) => c.LatentShape(options, volume with { Channels = draft.Condition.Images.Count }));
        var shape = new DiffusionShape(volume, latent, condition.Channels);
        var fitted = draft.Architecture.Call((a, options) => a.Fit(options, shape));
        return draft with { Shape = shape, Architecture = draft.Architecture with { Options = fitted } };
    }

    private static void ValidateData(ExperimentPlan draft)
    {
        if (draft.Kinds.Except(ImageKinds.All).FirstOrDefault() is { } unknown)
        {
            var (section, key) = draft.Target.Contains(unknown) ? ("target", null) : ("condition", "images");
            throw new PlanRefusedException(section, key, $"there is no image kind `{unknown}`; the kinds are {string.Join(", ", ImageKinds.All)}");
        }

        try
        {
            draft.Data.Validate(draft.Kinds);
        }
        catch (PlanException e)
        {
            throw new PlanRefusedException("data", e.Key, e.Message);
        }
    }
}
