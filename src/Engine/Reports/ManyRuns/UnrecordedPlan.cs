using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>
/// The facts of a plan in a run of before training recorded them, from the experiment's file and the run's <c>description.json</c>.
/// </summary>
internal static class UnrecordedPlan
{
    /// <summary>Reads them.</summary>
    /// <param name="file">The experiment's file.</param>
    /// <param name="description">The run's <c>description.json</c>, or null.</param>
    public static PlanFacts Read(JsonObject file, JsonObject? description)
    {
        var kind = ExperimentKinds.Of(section => file[section] is not null);
        return new PlanFacts
        {
            Id = file.Text("id") ?? "?",
            Title = file.Text("title") ?? "",
            Kind = kind,
            Target = description.Text("target") is { } target ? [target] : file.Texts("target"),
            Images = file.Texts("condition.images"),
            HasSizeBins = file.At("condition.size_bins") is not null,
            HasCoordinates = file.Text("condition.coordinates") == "true",
            HasControl = file.At("condition.control") is not null,
            HasEma = file.At("training.ema") is not null,
            InputShape = Shape(description, "input_shape") ?? FromData(file["data"]),
            LatentShape = Shape(description, "latent_shape"),
            Compressor = Part(file["compressor"]),
            Architecture = Part(file["architecture"]),
            Strategy = Part(file["strategy"]),
            Augmentations =
            [
                .. file.Objects("augmentations").Select(augmentation => augmentation.Text("use") ?? "augmentation"),
                .. file.Texts("augmentations"),
            ],
            Parameters = (long?)(kind == ExperimentKind.Compression
                ? Count("compressor")
                : (Count("controlnet") ?? Count("denoiser")) + (Count("conditioning") ?? 0)),
            Training = Training(file["training"], description.At("training")),
        };

        double? Count(string of) => description.Number($"parameters.{of}");
    }

    private static long[]? Shape(JsonObject? description, string key) =>
        description.Texts(key) is { Count: 5 } sizes ? [.. sizes.Select(size => long.TryParse(size, out var number) ? number : 0)] : null;

    private static long[]? FromData(JsonNode? data) =>
        (data.Number("depth"), data.Number("height"), data.Number("width")) is ({ } depth, { } height, { } width)
            ? [1, 1, (long)depth, (long)height, (long)width]
            : null;

    private static PartFacts? Part(JsonNode? section) => section.Text("use") is { } use ? PartFacts.Of(use, key => section.At(key)) : null;

    /// <param name="written">What the experiment's file says.</param>
    /// <param name="resolved">The same with defaults, where the run recorded it.</param>
    private static TrainingFacts Training(JsonNode? written, JsonNode? resolved)
    {
        return new TrainingFacts
        {
            LearningRate = Number("learning_rate"),
            Schedule = Value<LearningRateSchedule>("schedule"),
            WarmupEpochs = Number("warmup_epochs"),
            BatchSize = Number("batch_size"),
            Epochs = Number("epochs"),
            Precision = Value<Precision>("precision"),
            GradientClipNorm = Number("gradient_clip_norm"),
            EmaDecay = Number("ema.decay"),
            Phases = written.Objects("phases").Count(),
        };

        double? Number(string path) => resolved.Number(path) ?? written.Number(path);

        T? Value<T>(string path)
            where T : struct, Enum =>
            Enum.TryParse<T>(resolved.Text(path) ?? written.Text(path), ignoreCase: true, out var value) ? value : null;
    }
}
