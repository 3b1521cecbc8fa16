using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Displays;

/// <summary>The description of a plan for people.</summary>
internal static class DescriptionTable
{
    /// <summary>The description of either kind of experiment.</summary>
    public static IRenderable Of(Experiment experiment) => experiment switch
    {
        DiffusionExperiment diffusion => Of(diffusion.Description),
        CompressionExperiment compression => CompressionTable.Of(compression.Description),
        _ => throw new ArgumentException($"{experiment.GetType()} has no description for people", nameof(experiment)),
    };

    private static Grid Of(PlanDescription d)
    {
        List<(string, string)> facts =
        [
            ("experiment", $"{d.Id}: {d.Title}"),
            ("architecture", d.Architecture),
            ("compressor", d.Compressor + (d.LossyCompressor ? ", lossy: evaluate measures what it loses" : "")),
            ("strategy", $"{d.Strategy}, sampled with {d.Sampler}"),
            ("target", d.Condition.Count == 0 ? d.Target : $"{d.Target} from {string.Join(", ", d.Condition)}"),
            ("input", $"{Shape(d.InputShape)}, diffused as {Shape(d.LatentShape)}"),
            ("channels", $"{d.ModelInputChannels} in, {d.ModelOutputChannels} out"),
            (
                "parameters",
                Number(d.Parameters.Denoiser) + (d.Parameters.Compressor > 0 ? $", compressor {Number(d.Parameters.Compressor)}" : "")),
        ];
        if (d.Tokens is { } tokens)
            facts.Add(("tokens", Number(tokens)));
        facts.Add(("memory", d.Memory.Describe()));
        if (d.Memory.Process is { } process)
            facts.Add(("process", $"about {ByteCount.Shown(process)} in all on a CPU"));
        facts.Add(("training", Training(d.Training)));
        if (d.Generation is { } g)
            facts.Add(("generated meanwhile", Generated(g)));
        return Output.Facts(facts);
    }

    private static string Generated(GenerationFacts g)
    {
        var against = g.Split ?? "val (train where val has fewer than two patients)";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"every {g.Every} epochs {g.Count} volumes by {g.Sampler}, against {against}: {string.Join(", ", g.Metrics)}; "
            + $"best_generation by {g.Metrics[0]}");
    }

    /// <summary>How it is trained.</summary>
    public static string Training(TrainingOptions t) => string.Create(
        CultureInfo.InvariantCulture,
        $"{t.Epochs} epochs, batch {t.BatchSize}, AdamW {t.LearningRate:G3} {t.Schedule.ToString().ToLowerInvariant()}, "
        + $"warm-up {t.WarmupEpochs} epochs, clip {t.GradientClipNorm:G3}, "
        + $"{t.Precision.ToString().ToLowerInvariant()}{(t.Ema is null ? "" : ", moving average")}");

    public static string Shape(long[] shape) => string.Join('×', shape.Skip(1));

    public static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);
}
