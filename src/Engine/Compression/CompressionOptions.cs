using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Engine.Compression;

/// <summary>
/// What the section <c>training</c> of an experiment that trains a compressor has beside the keys of
/// <see cref="Plans.TrainingOptions"/>.
/// </summary>
public sealed record CompressionOptions
{
    /// <summary>The parts of the training, one after the other. There is no default: a training has at least one.</summary>
    public IReadOnlyList<PhaseOptions> Phases { get; init; } = [];

    /// <summary>
    /// Size <c>[D, H, W]</c> of the blocks that are cut at random out of the volumes to train on; validation and evaluation see whole
    /// volumes. Default: none, whole volumes.
    /// </summary>
    public IReadOnlyList<int>? Crop { get; init; }

    /// <summary>
    /// Slices that are drawn at random of a volume's real ones to train on, in place of neighbours, for compressors that see each slice by
    /// itself. Not with <c>crop</c>, nor with a discriminator, which judges neighbours. Default: none.
    /// </summary>
    [Range(1, 4096)]
    public int? Slices { get; init; }

    /// <summary>
    /// How often masks are mixed with others of the step: of the slices that <see cref="Slices"/> draws, or
    /// else of the batch. Default: never.
    /// </summary>
    public MaskMixingOptions? Mixing { get; init; }

    /// <summary>Peak learning rate of the discriminator, which warms up and falls as the compressor's does. Default 5e-4.</summary>
    [Range(1e-12, 1.0)]
    public double DiscriminatorLearningRate { get; init; } = 5e-4;

    /// <summary>The network of the loss <c>adversarial</c>.</summary>
    public DiscriminatorOptions Discriminator { get; init; } = new();
}

/// <summary>One phase of a training: <c>training.phases</c>.</summary>
public sealed record PhaseOptions
{
    /// <summary>Passes over the training split.</summary>
    [Range(1, 1_000_000)]
    public required int Epochs { get; init; }

    /// <summary>
    /// The losses by name, each with its weight: <c>l1</c>, <c>l2</c>, <c>perceptual</c>, <c>adversarial</c> for images; <c>bce</c>,
    /// <c>dice</c>, <c>boundary</c> for masks; and those of the compressor's own, such as <c>codebook</c>.
    /// </summary>
    public IReadOnlyDictionary<string, double> Losses { get; init; } = new Dictionary<string, double>();

    /// <summary>What is trained. Default all.</summary>
    public TrainedPart Trains { get; init; } = TrainedPart.All;

    /// <summary>
    /// Peak learning rate from this phase on. A phase that has one warms up anew and begins a schedule of its own, which lasts to the next
    /// such phase. Default: the schedule of the phase before goes on.
    /// </summary>
    [Range(1e-12, 1.0)]
    public double? LearningRate { get; init; }

    /// <summary>Decay β1 of the first moments in this phase, for compressor and discriminator. Default that of the training.</summary>
    [Range(0.0, 0.999999)]
    public double? Beta1 { get; init; }

    /// <summary>Decay β2 of the second moments in this phase, for compressor and discriminator. Default that of the training.</summary>
    [Range(0.0, 0.999999)]
    public double? Beta2 { get; init; }

    /// <summary>Weight of a loss; 0 where it is not named.</summary>
    internal double Weight(string loss) => Losses.GetValueOrDefault(loss);

    /// <summary>The phase for people: <c>25 epochs of the head, l1 1 + adversarial 0.1, rate 5E-05</c>.</summary>
    public string Describe()
    {
        var losses = string.Join(
            " + ", Losses.Where(loss => loss.Value > 0).Select(loss => FormattableString.Invariant($"{loss.Key} {loss.Value:G4}")));
        var rate = LearningRate is { } own ? FormattableString.Invariant($", rate {own:G3}") : "";
        return $"{Epochs} epochs{(Trains == TrainedPart.Head ? " of the head" : "")}, {losses}{rate}";
    }
}

/// <summary>What a phase trains of the compressor.</summary>
public enum TrainedPart
{
    /// <summary>Everything.</summary>
    All,

    /// <summary>The decoder's last layers alone; the rest, a codebook as well, stays as it is.</summary>
    Head,
}

/// <summary>The patch discriminator: <c>training.discriminator</c>.</summary>
public sealed record DiscriminatorOptions
{
    /// <summary>Channels of the first layer; each layer after it has twice as many. Default 64.</summary>
    [Range(1, 4096)]
    public int Channels { get; init; } = 64;

    /// <summary>Layers between the first and the last. Default 3.</summary>
    [Range(1, 8)]
    public int Layers { get; init; } = 3;
}

/// <summary>Which reconstructions <c>sample</c> writes: the section <c>sampling</c> of an experiment that trains a compressor.</summary>
public sealed record ReconstructionOptions
{
    /// <summary>Volumes to reconstruct. Default 4.</summary>
    [Range(1, 1_000_000)]
    public int Count { get; init; } = 4;

    /// <summary>Split that they are from. Default test.</summary>
    [AllowedValues("train", "val", "test")]
    public string Split { get; init; } = "test";
}

/// <summary>How a trained compressor is judged: the section <c>evaluation</c>, less its metrics.</summary>
public sealed record ReconstructionEvaluationOptions : Plans.EvaluatedOptions;
