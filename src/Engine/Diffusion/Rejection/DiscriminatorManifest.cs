using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Diffusion.Rejection;

/// <summary>What a run's discriminator is: <c>diffrs/discriminator.json</c>, beside its weights.</summary>
public sealed record DiscriminatorManifest
{
    /// <summary>The checkpoint whose denoiser's features it sees, and whose samples it was trained on.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>SHA-256 of that checkpoint's manifest, which holds those of all its files.</summary>
    public required string CheckpointSha256 { get; init; }

    /// <summary>Channels of the features.</summary>
    public required int FeatureChannels { get; init; }

    /// <summary>Parameters of the head.</summary>
    public required long Parameters { get; init; }

    /// <summary>Size and hash of the weights.</summary>
    public required FileFacts Weights { get; init; }

    /// <summary>The sampler that drew the generated volumes.</summary>
    public required string Sampler { get; init; }

    /// <summary>Its options.</summary>
    public required JsonNode SamplerOptions { get; init; }

    /// <summary>Guidance that they were drawn with: a discriminator knows the samples of no other.</summary>
    public required GuidanceFacts Guidance { get; init; }

    /// <summary>Seed of their noise, and of what training drew.</summary>
    public required long Seed { get; init; }

    /// <summary>Pairs of a real and a generated volume that it was trained on.</summary>
    public required int TrainingPairs { get; init; }

    /// <summary>The same that it was validated on.</summary>
    public required int ValidationPairs { get; init; }

    /// <summary>The epoch whose weights were kept: the best by validation, or the last where there was none.</summary>
    public required int BestEpoch { get; init; }

    /// <summary>Plugins that are not those that the run was trained with (<c>--allow-changed-plugin</c>); missing where all are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<PluginChange>? ChangedPlugins { get; init; }

    /// <summary>How training went.</summary>
    public required IReadOnlyList<DiscriminatorEpoch> Epochs { get; init; }
}

/// <summary>One epoch of a discriminator's training. Guessing has a loss of ln 2 = 0.693 and an accuracy of one half.</summary>
/// <param name="Epoch">From 1.</param>
/// <param name="Loss">Mean binary cross-entropy.</param>
/// <param name="Accuracy">Share of volumes that were told right.</param>
/// <param name="ValidationLoss">The same on the validation split, or null where there is none.</param>
/// <param name="ValidationAccuracy">Likewise.</param>
public sealed record DiscriminatorEpoch(int Epoch, double Loss, double Accuracy, double? ValidationLoss, double? ValidationAccuracy)
{
    /// <summary>A line for people.</summary>
    /// <param name="epochs">Epochs in all.</param>
    internal string Describe(int epochs)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"epoch {Epoch}/{epochs}: loss {Loss:F3}, {100 * Accuracy:F0} % right");
        return ValidationLoss is { } loss
            ? line + string.Create(CultureInfo.InvariantCulture, $"; validation {loss:F3}, {100 * ValidationAccuracy:F0} % right")
            : line;
    }
}

/// <summary>What of guidance decides on the distribution of samples.</summary>
/// <param name="Strength">w; 1 is none.</param>
/// <param name="Rescale">φ.</param>
/// <param name="Low">The least noise level that is guided.</param>
/// <param name="High">The highest.</param>
public sealed record GuidanceFacts(double Strength, double Rescale, double Low, double High)
{
    /// <summary>What it is beside that; missing where it is no more.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public GuidanceLaw? Law { get; init; }

    /// <inheritdoc/>
    public override string ToString() => Strength > 1 || Law is not null
        ? FormattableString.Invariant($"guidance {Strength} (rescale {Rescale}, τ from {Low} to {High}{(Law is null ? "" : $", {Law}")})")
        : "no guidance";

    internal static GuidanceFacts Of(SamplingOptions options)
    {
        var (low, high) = options.GuidanceInterval is [var least, var most] ? (least, most) : (0, 1);
        return new GuidanceFacts(options.Guidance, options.GuidanceRescale, low, high) { Law = options.GuidanceLaw };
    }
}
