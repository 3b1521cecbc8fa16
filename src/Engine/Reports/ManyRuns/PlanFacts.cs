using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>
/// What a report of many runs tells of a run's plan: training writes it as <c>plan.json</c>, since a report loads no plugin and so has no
/// plan.
/// </summary>
internal sealed record PlanFacts
{
    /// <summary>SHA-256 of the <c>experiment.yaml</c> that it was written with; null where it was read from that.</summary>
    public string? ExperimentSha256 { get; init; }

    /// <summary>The experiment's id.</summary>
    public required string Id { get; init; }

    /// <summary>Its title, or empty.</summary>
    public string Title { get; init; } = "";

    /// <summary>What it trains.</summary>
    public required ExperimentKind Kind { get; init; }

    /// <summary>The generated or compressed kinds.</summary>
    public required IReadOnlyList<string> Target { get; init; }

    /// <summary>The kinds of the image condition.</summary>
    public IReadOnlyList<string> Images { get; init; } = [];

    /// <summary>Whether it generates from numbers of tumours.</summary>
    public bool HasSizeBins { get; init; }

    /// <summary>Whether the denoiser is told where it is.</summary>
    public bool HasCoordinates { get; init; }

    /// <summary>Whether a ControlNet beside a frozen denoiser is trained.</summary>
    public bool HasControl { get; init; }

    /// <summary>Whether the weights have a moving average.</summary>
    public bool HasEma { get; init; }

    /// <summary>The target, <c>[1, C, D, H, W]</c>, or null where it is not known.</summary>
    public IReadOnlyList<long>? InputShape { get; init; }

    /// <summary>The target in the space of diffusion.</summary>
    public IReadOnlyList<long>? LatentShape { get; init; }

    /// <summary>The compressor, or null where none is named.</summary>
    public PartFacts? Compressor { get; init; }

    /// <summary>The network, or null for a compressor.</summary>
    public PartFacts? Architecture { get; init; }

    /// <summary>The noise strategy, or null for a compressor.</summary>
    public PartFacts? Strategy { get; init; }

    /// <summary>Names of the augmentations.</summary>
    public IReadOnlyList<string> Augmentations { get; init; } = [];

    /// <summary>Parameters of what is trained, or null where they are not known.</summary>
    public long? Parameters { get; init; }

    /// <summary>How it is trained.</summary>
    public TrainingFacts Training { get; init; } = new();

    /// <summary>The facts of a denoiser's plan.</summary>
    public static PlanFacts Of(ExperimentPlan plan, PlanDescription description) => new()
    {
        Id = plan.Id,
        Title = plan.Title,
        Kind = ExperimentKind.Diffusion,
        Target = plan.Target,
        Images = plan.Condition.Images,
        HasSizeBins = plan.Condition.SizeBins is not null,
        HasCoordinates = plan.Condition.Coordinates,
        HasControl = plan.Condition.Control is not null,
        HasEma = plan.Training.Ema is not null,
        InputShape = description.InputShape,
        LatentShape = description.LatentShape,
        Compressor = PartFacts.Of(plan.Compressor),
        Architecture = PartFacts.Of(plan.Architecture),
        Strategy = PartFacts.Of(plan.Strategy),
        Augmentations = [.. plan.Augmentations.Select(PartFacts.NameOf)],
        Parameters = (description.Parameters.Controlnet ?? description.Parameters.Denoiser) + description.Parameters.Conditioning,
        Training = TrainingFacts.Of(plan.Training),
    };

    /// <summary>The facts of a compressor's plan.</summary>
    public static PlanFacts Of(CompressionPlan plan, CompressionDescription description) => new()
    {
        Id = plan.Id,
        Title = plan.Title,
        Kind = ExperimentKind.Compression,
        Target = plan.Target,
        HasEma = plan.Training.Ema is not null,
        InputShape = description.InputShape,
        LatentShape = description.LatentShape,
        Compressor = PartFacts.Of(plan.Compressor),
        Parameters = description.Parameters.Compressor,
        Training = TrainingFacts.Of(plan.Training) with { Phases = plan.Compression.Phases.Count },
    };

    /// <summary>Replaces a run's, once its <c>experiment.yaml</c> is written.</summary>
    public void Write(RunFolder run) =>
        SealedJson.Write(DiskFiles.Instance, run.Plan, this with { ExperimentSha256 = FileFacts.Hash(run.Experiment) });

    /// <summary>A run's, or null in a run of before it was recorded.</summary>
    /// <param name="run">The run.</param>
    /// <param name="name">How a report names a part that is <c>plugin/id</c> in full.</param>
    /// <exception cref="RunFolderException">It was changed, is damaged, or is of another experiment.</exception>
    public static PlanFacts? Read(RunFolder run, Func<string, string> name)
    {
        const string remedy = "remove it, and a report reads the experiment's file instead";
        if (RunFile.ReadSealed<PlanFacts>(run.Plan, remedy) is not { } facts)
            return null;
        if (facts.ExperimentSha256 != FileFacts.Hash(run.Experiment))
            throw new RunFolderException($"{run.Plan} was written with another experiment.yaml; {remedy}");
        return facts with
        {
            Compressor = Named(facts.Compressor),
            Architecture = Named(facts.Architecture),
            Strategy = Named(facts.Strategy),
            Augmentations = [.. facts.Augmentations.Select(name)],
        };

        PartFacts? Named(PartFacts? part) => part is null ? null : part with { Use = name(part.Use) };
    }
}

/// <summary>A part of a plan, with those of its options that a report names.</summary>
/// <param name="Use">Its name, <c>plugin/id</c> as training writes it.</param>
internal sealed record PartFacts(string Use)
{
    /// <summary>The preset or variant that fills its options.</summary>
    public string? Preset { get; init; }

    /// <summary>Channels of its levels.</summary>
    public IReadOnlyList<string> Channels { get; init; } = [];

    /// <summary>Channels of its first level, from which the others follow.</summary>
    public string? BaseChannels { get; init; }

    /// <summary>Edge of a patch.</summary>
    public string? PatchSize { get; init; }

    /// <summary>What a denoiser predicts.</summary>
    public string? Prediction { get; init; }

    /// <summary>A planned part, with its options as the experiment gives them.</summary>
    public static PartFacts Of<TPart>(PlannedPart<TPart> part)
        where TPart : class, IPart
    {
        var facts = Of(NameOf(part), key => Json(WrittenOptions.At(part.Bound ?? part.Options, key)));
        return facts with { Preset = part.Preset ?? facts.Preset };
    }

    /// <summary>A part's name in full.</summary>
    public static string NameOf<TPart>(PlannedPart<TPart> part)
        where TPart : class, IPart => $"{part.Source.Plugin}/{part.Id}";

    /// <summary>A part whose options are known by their keys.</summary>
    public static PartFacts Of(string use, Func<string, JsonNode?> option)
    {
        return new PartFacts(use)
        {
            Preset = Text("preset") ?? Text("variant"),
            Channels = option("channels").Texts(),
            BaseChannels = Text("base_channels"),
            PatchSize = Text("patch_size"),
            Prediction = Text("prediction"),
        };

        string? Text(string key) => (option(key) as JsonValue)?.ToString();
    }

    private static JsonNode? Json(object? value) =>
        value is null ? null : JsonSerializer.SerializeToNode(value, value.GetType(), AtomicFile.Json);
}

/// <summary>How a plan trains; what is not known is null.</summary>
internal sealed record TrainingFacts
{
    /// <summary>Peak learning rate.</summary>
    public double? LearningRate { get; init; }

    /// <summary>How it moves.</summary>
    public LearningRateSchedule? Schedule { get; init; }

    /// <summary>Epochs of warm-up.</summary>
    public double? WarmupEpochs { get; init; }

    /// <summary>Volumes in a step.</summary>
    public double? BatchSize { get; init; }

    /// <summary>Epochs.</summary>
    public double? Epochs { get; init; }

    /// <summary>Precision of forward passes.</summary>
    public Precision? Precision { get; init; }

    /// <summary>Largest norm of a gradient.</summary>
    public double? GradientClipNorm { get; init; }

    /// <summary>Decay of the moving average, or null without one.</summary>
    public double? EmaDecay { get; init; }

    /// <summary>Phases of a compressor's training.</summary>
    public int Phases { get; init; }

    /// <summary>The facts of a plan's section <c>training</c>.</summary>
    public static TrainingFacts Of(TrainingOptions training) => new()
    {
        LearningRate = training.LearningRate,
        Schedule = training.Schedule,
        WarmupEpochs = training.WarmupEpochs,
        BatchSize = training.BatchSize,
        Epochs = training.Epochs,
        Precision = training.Precision,
        GradientClipNorm = training.GradientClipNorm,
        EmaDecay = training.Ema?.Decay,
    };
}
