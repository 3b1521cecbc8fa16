using System.Text.Json;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>What a run's experiment is, in the words of the report's index.</summary>
public sealed record ExperimentFacts
{
    /// <summary>The experiment's id.</summary>
    public required string Id { get; init; }

    /// <summary>Its title, or empty.</summary>
    public required string Title { get; init; }

    /// <summary>Whether a compressor is trained, and not a denoiser.</summary>
    public required bool IsCompressor { get; init; }

    /// <summary>
    /// The space of diffusion: <c>pixel</c>, <c>space-to-depth</c>, <c>signed-distance</c>, <c>wavelet</c>, <c>latent</c>; or
    /// <c>compressor</c>.
    /// </summary>
    public required string Space { get; init; }

    /// <summary>The space and what is added to it: <c>pixel + sda</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The generated or compressed kinds, joined by <c>+</c>.</summary>
    public required string Target { get; init; }

    /// <summary>What is generated from what.</summary>
    public required string Mode { get; init; }

    /// <summary>Voxels of a volume, H×W×D; or empty where that is not known.</summary>
    public required string Resolution { get; init; }

    /// <summary>Elements of a latent, H×W×D, and its channels; null where it is the volume itself or not known.</summary>
    public required string? Latent { get; init; }

    /// <summary>The network.</summary>
    public required string Architecture { get; init; }

    /// <summary>Parameters that are trained, or null where the run did not record them.</summary>
    public required long? Parameters { get; init; }

    /// <summary>The noise strategy, or null for a compressor.</summary>
    public required string? Strategy { get; init; }

    /// <summary>How it is trained, in a line.</summary>
    public required string Configuration { get; init; }

    /// <summary>Tells a plan.</summary>
    internal static ExperimentFacts Of(PlanFacts plan)
    {
        var isCompressor = plan.Kind == ExperimentKind.Compression;
        var space = isCompressor ? "compressor" : SpaceOf(plan.Compressor?.Use);
        var target = string.Join('+', plan.Target);
        return new ExperimentFacts
        {
            Id = Format.Line(plan.Id),
            Title = Format.Line(plan.Title),
            IsCompressor = isCompressor,
            Space = space,
            Type = string.Join(" + ", [space, .. Additions(plan)]),
            Target = target,
            Mode = ModeOf(plan, target),
            Resolution = Grid(plan.InputShape) ?? "",
            Latent = space != "pixel" && Grid(plan.LatentShape) is { } latent ? $"{latent}, {plan.LatentShape![1]} channels" : null,
            Architecture = Network(isCompressor ? plan.Compressor : plan.Architecture),
            Parameters = plan.Parameters,
            Strategy = isCompressor ? null : Words(" ", plan.Strategy?.Use, plan.Strategy?.Prediction),
            Configuration = string.Join(", ", Training(plan.Training)),
        };
    }

    private static string SpaceOf(string? compressor) => compressor switch
    {
        null or "identity" => "pixel",
        "space_to_depth" => "space-to-depth",
        "signed_distance" => "signed-distance",
        "haar" => "wavelet",
        _ => "latent",
    };

    private static IEnumerable<string> Additions(PlanFacts plan) =>
        [.. plan.HasControl ? ["ControlNet"] : (string[])[], .. plan.Augmentations, .. plan.HasEma ? ["EMA"] : (string[])[]];

    private static string ModeOf(PlanFacts plan, string target)
    {
        string[] from =
        [
            .. plan.Images,
            .. plan.HasSizeBins ? ["numbers of tumours"] : (string[])[],
            .. plan.HasCoordinates ? ["coordinates"] : (string[])[],
        ];
        return from.Length == 0 ? target : $"{target} from {string.Join(", ", from)}";
    }

    private static string? Grid(IReadOnlyList<long>? shape) =>
        shape is [_, _, var depth, var height, var width] ? $"{height}×{width}×{depth}" : null;

    private static string Network(PartFacts? part) => Words(
        ", ",
        Words(" ", part?.Use, part?.Preset),
        part is { Channels: { Count: > 0 } channels } ? $"{channels.Count} levels [{string.Join(", ", channels)}]" : null,
        part?.BaseChannels is { } channelsOfFirst ? $"{channelsOfFirst} channels" : null,
        part?.PatchSize is { } patch ? $"patch {patch}" : null);

    private static IEnumerable<string> Training(TrainingFacts training)
    {
        if (training.LearningRate is { } rate)
            yield return $"learning rate {Format.Small(rate)}{(training.Schedule is { } schedule ? $" {Snake(schedule)}" : "")}";
        if (training.WarmupEpochs is > 0 and { } warmup)
            yield return $"warm-up {warmup} epochs";
        if (training.BatchSize is { } batch)
            yield return $"batch {batch}";
        if (training.Epochs is { } epochs)
            yield return $"{epochs} epochs";
        if (training.Precision is { } precision)
            yield return Snake(precision);
        if (training.GradientClipNorm is { } clip)
            yield return $"gradients clipped at {Format.Small(clip)}";
        if (training.EmaDecay is { } decay)
            yield return $"moving average {Format.Small(decay)}";
        if (training.Phases > 1)
            yield return $"{training.Phases} phases";
    }

    private static string Snake(Enum value) => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static string Words(string separator, params string?[] words) => string.Join(separator, words.OfType<string>());
}
