using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Diffusion;

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

    /// <summary>Where the compressor's weights come from, and what is done to its latents.</summary>
    public LatentOptions Latent { get; init; } = new();

    /// <summary>Maps the image condition instead of <see cref="Compressor"/>; null where both share one.</summary>
    public PlannedPart<ICompressor>? ConditionCompressor { get; init; }

    /// <summary>The same of the condition's own compressor.</summary>
    public LatentOptions ConditionLatent { get; init; } = new();

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

    /// <summary>How the volumes are generated that metrics of sets judge; null for those in the run's <c>samples</c>.</summary>
    public GenerationPlan? Generation { get; init; }

    /// <summary>How volumes are generated and measured while it is trained; null where none are.</summary>
    public TrainingGeneration? TrainingGeneration { get; init; }

    /// <summary>The shapes between its parts; set by <see cref="Compose"/>.</summary>
    public DiffusionShape Shape { get; init; } = new(default, default, 0);

    /// <summary>Channels of the image that steers a ControlNet, or 0; set by <see cref="Compose"/>.</summary>
    public int ControlChannels { get; init; }

    /// <summary>Kinds of images that have to be read: target and condition, and the mask where tumours are counted or weighted.</summary>
    public override IReadOnlyList<string> Kinds =>
        [.. (Condition.Modalities ?? Target).Concat(Condition.Images).Concat(UsesTumours ? [ImageKinds.Seg] : []).Distinct()];

    /// <summary>
    /// Kinds of images that have to be read to generate and to do nothing else: those of the condition, and the mask whose tumours are
    /// counted; where it generates from nothing a mask, which says where volumes lie.
    /// </summary>
    public IReadOnlyList<string> GivenKinds
    {
        get
        {
            string[] given = [.. Condition.Images.Concat(Condition.SizeBins is null ? [] : [ImageKinds.Seg]).Distinct()];
            return given.Length > 0 ? given : [ImageKinds.Seg];
        }
    }

    /// <summary>
    /// What each input channel of the denoiser is, in the order of the channels: two plans' channels of one name hold the same. A
    /// compressor may mix what several images hold, whose channels then have a name together only.
    /// </summary>
    internal IReadOnlyList<string> InputChannels
    {
        get
        {
            var (latent, bins) =
                (Shape.Latent.Channels, Condition.SizeBins is { Through: SizeBinRoute.Maps } ? TumourSizes.Edges.Count : 0);
            var images = Shape.InputChannels - latent - Condition.AddedChannels;
            return
            [
                .. Named("target", latent),
                .. images == Condition.Images.Count ? Condition.Images : Named(string.Join('+', Condition.Images), images),
                .. Named("size_bins", bins), .. Named("coordinates", Condition.AddedChannels - bins),
            ];

            static IEnumerable<string> Named(string name, int count) => Enumerable.Range(0, count).Select(channel => $"{name} {channel}");
        }
    }

    /// <inheritdoc/>
    internal override void RequireKinds(Cohort cohort)
    {
        base.RequireKinds(cohort);
        try
        {
            cohort.RequireKinds(Condition.Images, "images");
        }
        catch (PlanException e)
        {
            throw e.In("condition");
        }
    }

    /// <summary>Whether it is known of each volume, real or generated, where its tumours are.</summary>
    internal bool HasMasks => Condition.Images.Contains(ImageKinds.Seg) || MaskChannel is not null;

    /// <summary>The channel of generated volumes that is a mask; null where none is.</summary>
    internal int? MaskChannel =>
        Target.Index().Where(target => target.Item == ImageKinds.Seg).Select(target => (int?)target.Index).FirstOrDefault();

    /// <inheritdoc/>
    public override VolumeShape Compared => Shape.Volume with { Depth = Data.OriginalDepth };

    /// <summary>What batches hold of the tumours.</summary>
    public TumourUse TumourUse => new() { Count = Condition.SizeBins is not null, Weights = Training.RegionWeights };

    /// <summary>The space in which it diffuses.</summary>
    public LatentSpace Space => new()
    {
        Data = Data,
        Kinds = Kinds,
        Target = Target,
        Condition = Condition.Images,
        Compressor = Compressor,
        Options = Latent,
        ConditionCompressor = ConditionCompressor,
        ConditionOptions = ConditionLatent,
        Seed = Training.Seed,
    };

    private bool UsesTumours => Condition.SizeBins is not null || Training.RegionWeights is not null;

    /// <inheritdoc/>
    public override IReadOnlyList<PartSource> Sources =>
    [
        Compressor.Source, Architecture.Source, Strategy.Source, Sampler.Source,
        .. Augmentations.Select(a => a.Source), .. Metrics.Select(m => m.Source),
        .. Generation is null ? [] : (PartSource[])[Generation.Sampler.Source],
        .. TrainingGeneration is not { } generation
            ? []
            : (PartSource[])[generation.Sampler.Source, .. generation.Metrics.Select(m => m.Source)],
        .. ConditionCompressor is null ? [] : (PartSource[])[ConditionCompressor.Source],
    ];

    private static void RefuseSampling(ExperimentPlan draft, string section, SamplingOptions sampling)
    {
        if (sampling is { StrongestGuidance: > 1 and var guidance, GuidesByModel: false } && draft.Condition.Dropout == 0)
            throw new PlanException(
                $"guidance {guidance} needs predictions without the condition, which condition.dropout: 0 never trains; "
                + "use guidance: 1 or a dropout such as 0.15",
                "guidance").In(section);
        sampling.Validate();
        RefuseBins(draft, section, sampling);
    }

    /// <summary>Refuses numbers of tumours by size that no denoiser would hear of.</summary>
    private static void RefuseBins(ExperimentPlan draft, string section, SamplingOptions sampling)
    {
        var key = sampling.Bins is null ? "bins_from" : "bins";
        if (sampling.AsksForBins && draft.Condition.SizeBins is null)
            throw new PlanException(
                $"{draft.Id} does not generate from numbers of tumours by size: it has no condition.size_bins; "
                + $"remove {key}, or use an experiment such as exp2",
                key).In(section);
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Files =>
    [
        .. base.Files.Union(TrainingGeneration?.Metrics.SelectMany(NetworksOf) ?? []),
        .. Training.Perceptual?.Network is { } network ? [network] : Array.Empty<string>(),
    ];

    /// <summary>Derives the shapes, completes the architecture's options and refuses what cannot work.</summary>
    /// <exception cref="PlanException">The parts do not go together.</exception>
    public static ExperimentPlan Compose(ExperimentPlan draft)
    {
        draft.ValidateTarget();
        draft.ValidateKinds("condition", "images", draft.Condition.Images);
        if (draft.Target.Intersect(draft.Condition.Images).FirstOrDefault() is { } both)
            throw new PlanException($"{both} is both target and condition; remove it from one of them", "images").In("condition");
        if (draft.Condition.Modalities is { } modalities)
            RefuseModalities(draft, modalities);
        if (draft.Condition is { Dropout: > 0, CanBeDropped: false })
            throw new PlanException(
                $"dropout {draft.Condition.Dropout} has no condition to drop; name one in condition.images or remove it",
                "dropout").In("condition");
        (string Section, SamplingOptions? Sampling)[] sampled =
        [
            ("sampling", draft.Sampling), ("evaluation.generate", draft.Generation?.Sampling),
            ("training.generation", draft.TrainingGeneration?.Sampling),
        ];
        foreach (var (section, sampling) in sampled)
        {
            if (sampling is not null)
                RefuseSampling(draft, section, sampling);
        }

        if (draft.Generation is { } generation && generation.Sampling.EmaLength != draft.Sampling.EmaLength)
        {
            throw new PlanException(
                "generate has another ema_length than sampling "
                + $"({draft.Sampling.EmaLength?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "none"}), "
                + "and an evaluation is of one set of weights; set sampling.ema_length",
                "generate.ema_length").In("evaluation");
        }

        if (draft.TrainingGeneration is { Sampling: { GuidesByModel: true, StrongestGuidance: > 1 } })
            throw new PlanException(
                "training generates with the model that it trains and no other; "
                + "set guidance: 1 there, and guide by a weaker model afterwards",
                "guidance").In("training.generation");
        if (draft.TrainingGeneration is { Sampling.EmaLength: not null })
            throw new PlanException("an average's length is chosen after training; set ema_length: null there", "ema_length")
                .In("training.generation");
        PlanChecks.Refuse(draft);

        draft.Evaluation.Validate();
        if (TimestepFault(draft.Evaluation.Timesteps ?? []) is { } fault)
            throw new PlanException(fault, "timesteps").In("evaluation");
        draft.ValidateData();
        var volume = new VolumeShape(draft.Target.Count, draft.Data.Depth, draft.Data.Height, draft.Data.Width);
        var latent = draft.Compressor.LatentShape(volume);
        var condition = PlanChecks.ConditionShape(draft, volume, latent);
        // a ControlNet takes the images beside the denoiser, which then sees none of them
        var concatenated = draft.Condition.Control is null ? condition.Channels : 0;
        var shape = new DiffusionShape(volume, latent, concatenated + draft.Condition.AddedChannels);
        var fitted = draft.Architecture.Given("Fit", (a, options) => a.Fit(options, shape));
        WrittenOptions.RefuseOverwritten(draft.Architecture, fitted);
        return draft with
        {
            Shape = shape,
            ControlChannels = draft.Condition.Control is null ? 0 : condition.Channels,
            Architecture = draft.Architecture with { Options = fitted },
        };
    }

    /// <summary>The target's place among the modalities that the denoiser tells apart; 0 where there are none.</summary>
    internal int Modality => Condition.Modalities?.ToList().IndexOf(Target[0]) ?? 0;

    private static void RefuseModalities(ExperimentPlan draft, IReadOnlyList<string> modalities)
    {
        draft.ValidateKinds("condition", "modalities", modalities);
        var named = string.Join(", ", modalities);
        var fault = modalities.Count < 2 ? $"modalities [{named}] are not several; name two or more, or remove them"
            : modalities.FirstOrDefault(ImageKinds.IsMask) is { } mask ? $"{mask} is a mask, and modalities are images, of one "
                + $"range; remove it"
            : draft.Target is not [var target] ? $"target is {string.Join(", ", draft.Target)}, and of modalities one is made at a "
                + $"time; name one of {named} there"
            : !modalities.Contains(target) ? $"target is {target}, which is none of the modalities; name one of {named} there"
            : modalities.Intersect(draft.Condition.Images).FirstOrDefault() is { } given ? $"{given} is both a modality and a "
                + $"condition; remove it from one of them"
            : draft.Condition.Control is not null ? "a ControlNet steers a denoiser of one image; remove modalities or control"
            : draft.Space.KeepsLatents ? $"modalities are learned of volumes, and the latents of `{draft.Compressor.Id}` are "
                + $"computed once, of one image each; use a compressor that is not learned"
            : null;
        if (fault is not null)
            throw new PlanException(fault, "modalities").In("condition");
    }

    /// <summary>
    /// Timesteps from which an evaluation estimates clean volumes: those that the experiment names, or else those that its strategy calls
    /// informative.
    /// </summary>
    /// <param name="process">The strategy's process.</param>
    /// <exception cref="PlanException">The strategy names some that are none, or one twice.</exception>
    internal IReadOnlyList<double> EvaluatedTimesteps(NoiseProcess process)
    {
        if (Evaluation.Timesteps is { } named)
            return named;
        const string member = nameof(NoiseProcess.InformativeTimesteps);
        var informative = Strategy.Given(member, () => process.InformativeTimesteps);
        return informative.Count > 0 && TimestepFault(informative) is null
            ? informative
            : throw Strategy.Unfit(
                $"gives {string.Join(", ", informative)} as {member}, and there have to be some, each once, from 0 to "
                    + $"{NoiseProcess.Horizon}");
    }

    private static string? TimestepFault(IReadOnlyList<double> timesteps) =>
        timesteps.Any(t => t is not (>= 0 and <= NoiseProcess.Horizon))
            ? $"timesteps {string.Join(", ", timesteps)} go beyond 0 to {NoiseProcess.Horizon}, where 0 is clean; correct them"
        : timesteps.GroupBy(t => t).FirstOrDefault(same => same.Count() > 1) is { } twice
            ? $"timesteps names {twice.Key} twice; name each once"
        : null;
}
