using System.Text.Json.Nodes;
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

    /// <summary>The space of diffusion: <c>pixel</c>, <c>space-to-depth</c>, <c>wavelet</c>, <c>latent</c>; or <c>compressor</c>.</summary>
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

    /// <summary>Reads them.</summary>
    /// <param name="file">The experiment's file.</param>
    /// <param name="description">The run's <c>description.json</c>, or null.</param>
    internal static ExperimentFacts Of(JsonObject file, JsonObject? description)
    {
        var isCompressor = ExperimentKinds.Of(section => file[section] is not null) == ExperimentKind.Compression;
        var space = isCompressor ? "compressor" : SpaceOf(file.Text("compressor.use"));
        var targets = file.Texts("target");
        var target = description.Text("target") ?? string.Join('+', targets);
        return new ExperimentFacts
        {
            Id = Format.Line(file.Text("id") ?? "?"),
            Title = Format.Line(file.Text("title") ?? ""),
            IsCompressor = isCompressor,
            Space = space,
            Type = string.Join(" + ", [space, .. Additions(file)]),
            Target = target,
            Mode = Words(target, file["condition"]),
            Resolution = ShapeWords(description, "input_shape") ?? FromData(file["data"]) ?? "",
            Latent = space == "pixel" ? null : ShapeWords(description, "latent_shape", channels: true),
            Architecture = Network(file[isCompressor ? "compressor" : "architecture"]),
            Parameters = (long?)(isCompressor
                ? description.Number("parameters.compressor")
                : (description.Number("parameters.controlnet") ?? description.Number("parameters.denoiser")) + (description.Number("parameters.conditioning") ?? 0)),
            Strategy = isCompressor ? null : StrategyOf(file["strategy"]),
            Configuration = string.Join(", ", Training(file["training"], description.At("training"))),
        };
    }

    private static string SpaceOf(string? compressor) => compressor switch
    {
        null or "identity" => "pixel",
        "space_to_depth" => "space-to-depth",
        "haar" => "wavelet",
        _ => "latent",
    };

    private static IEnumerable<string> Additions(JsonObject file)
    {
        if (file.At("condition.control") is not null)
            yield return "ControlNet";
        foreach (var augmentation in file.Objects("augmentations"))
            yield return augmentation.Text("use") ?? "augmentation";
        foreach (var augmentation in file.Texts("augmentations"))
            yield return augmentation;
        if (file.At("training.ema") is not null)
            yield return "EMA";
    }

    private static string Words(string target, JsonNode? condition)
    {
        List<string> from = [.. condition.Texts("images")];
        if (condition.At("size_bins") is not null)
            from.Add("numbers of tumours");
        if (condition.Text("coordinates") == "true")
            from.Add("coordinates");
        return from.Count == 0 ? target : $"{target} from {string.Join(", ", from)}";
    }

    private static string? ShapeWords(JsonObject? description, string key, bool channels = false)
    {
        var shape = description.Texts(key);
        if (shape.Count != 5)
            return null;
        var space = $"{shape[3]}×{shape[4]}×{shape[2]}";
        return channels ? $"{space}, {shape[1]} channels" : space;
    }

    private static string? FromData(JsonNode? data) =>
        (data.Text("height"), data.Text("width"), data.Text("depth")) is ({ } height, { } width, { } depth) ? $"{height}×{width}×{depth}" : null;

    private static string Network(JsonNode? part)
    {
        List<string> words = [string.Join(' ', new[] { part.Text("use"), part.Text("preset") ?? part.Text("variant") }.OfType<string>())];
        if (part.Texts("channels") is { Count: > 0 } channels)
            words.Add($"{channels.Count} levels [{string.Join(", ", channels)}]");
        if (part.Text("base_channels") is { } channelsOfFirst)
            words.Add($"{channelsOfFirst} channels");
        if (part.Text("patch_size") is { } patch)
            words.Add($"patch {patch}");
        return string.Join(", ", words);
    }

    private static string StrategyOf(JsonNode? strategy) =>
        string.Join(' ', new[] { strategy.Text("use"), strategy.Text("prediction") }.OfType<string>());

    /// <param name="written">What the experiment's file says.</param>
    /// <param name="resolved">The same with defaults, where the run recorded it.</param>
    private static IEnumerable<string> Training(JsonNode? written, JsonNode? resolved)
    {
        string? text(string path) => resolved.Text(path) ?? written.Text(path);
        double? number(string path) => resolved.Number(path) ?? written.Number(path);
        if (number("learning_rate") is { } rate)
            yield return $"learning rate {Format.Small(rate)}{(text("schedule") is { } schedule ? $" {schedule}" : "")}";
        if (number("warmup_epochs") is > 0 and { } warmup)
            yield return $"warm-up {warmup} epochs";
        if (text("batch_size") is { } batch)
            yield return $"batch {batch}";
        if (text("epochs") is { } epochs)
            yield return $"{epochs} epochs";
        if (text("precision") is { } precision)
            yield return precision;
        if (number("gradient_clip_norm") is { } clip)
            yield return $"gradients clipped at {Format.Small(clip)}";
        if (number("ema.decay") is { } decay)
            yield return $"moving average {Format.Small(decay)}";
        if (written.Objects("phases").ToArray() is { Length: > 1 } phases)
            yield return $"{phases.Length} phases";
    }
}
