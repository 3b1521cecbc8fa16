using System.ComponentModel.DataAnnotations;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Zoo;

/// <summary>
/// What is known of an animal, trained weights that ship: <c>card.yaml</c>. No field may be missing or empty, so that nobody has to guess.
/// </summary>
public sealed record Card
{
    /// <summary>Family and name, as the folder has them: <c>unet3d/head-32</c>.</summary>
    [RegularExpression(@"^[a-z0-9][a-z0-9._-]*/[a-z0-9][a-z0-9._-]*\z")]
    public required string Id { get; init; }

    /// <summary>One sentence: what it makes of what.</summary>
    [MinLength(1)]
    public required string Summary { get; init; }

    /// <summary>The network.</summary>
    public required CardNetwork Network { get; init; }

    /// <summary>The versions of each plugin by which it can be used, by the plugin's id: <c>[0.1.0, 0.2.0)</c>.</summary>
    [MinLength(1)]
    public required IReadOnlyDictionary<string, string> Plugins { get; init; }

    /// <summary>The volumes that it takes and makes.</summary>
    public required CardVolumes Volumes { get; init; }

    /// <summary>What it was trained on, by what, and for how long.</summary>
    public required CardTraining Training { get; init; }

    /// <summary>What was measured of it, and how.</summary>
    [MinLength(1)]
    public required IReadOnlyList<CardMeasure> Measures { get; init; }

    /// <summary>Whether it gives back what it was trained on, a sentence.</summary>
    [MinLength(1)]
    public required string Memorisation { get; init; }

    /// <summary>What one volume costs, and what it is like.</summary>
    public required CardTrial Trial { get; init; }

    /// <summary>What may be done with it.</summary>
    public required CardLicences Licences { get; init; }

    /// <summary>What it is for, and what not.</summary>
    public required CardUse Use { get; init; }

    /// <summary>Every other file of the folder but the README, which is made of this card, by its path there.</summary>
    [MinLength(1)]
    public required IReadOnlyDictionary<string, CardFile> Files { get; init; }

    /// <summary>Size of all files in bytes.</summary>
    public long Bytes => Files.Values.Sum(file => file.Bytes);

    /// <summary>What its picture shows, a sentence.</summary>
    public string Seen =>
        $"{(Volumes.IsOfMasksFromNumbers ? "Seen through along each axis" : "Three planes, intensities 0 to 1")}; {Trial.Picture}.";

    /// <summary>How sharp its volumes are; null where it was not measured.</summary>
    public double? Sharpness => Find("sharpness")?.Value;

    /// <summary>
    /// What a metric found: against the test split where that was measured, else against val, else what there
    /// is; null where there is nothing.
    /// </summary>
    public CardMeasure? Find(string metric) =>
        Measures.Where(measure => measure.Metric == metric).MinBy(measure => measure.Against switch { "test" => 0, "val" => 1, _ => 2 });
}

/// <summary>The network of an animal.</summary>
public sealed record CardNetwork
{
    /// <summary>What was trained: <c>denoiser</c>, <c>control</c>, <c>adapter</c> or <c>compressor</c>.</summary>
    [AllowedValues("denoiser", "control", "adapter", "compressor")]
    public required string Component { get; init; }

    /// <summary>The part that builds it, such as <c>unet3d</c>.</summary>
    [MinLength(1)]
    public required string Part { get; init; }

    /// <summary>Parameters of all networks that it needs.</summary>
    [Range(1, long.MaxValue)]
    public required long Parameters { get; init; }

    /// <summary>The weights that were taken of the run: <c>ema</c>, the moving average, or the component's own.</summary>
    [MinLength(1)]
    public required string Weights { get; init; }

    /// <summary>As what the weights are kept.</summary>
    [AllowedValues("bfloat16", "float32")]
    public required string Dtype { get; init; }
}

/// <summary>The volumes of an animal.</summary>
public sealed record CardVolumes
{
    /// <summary>What <see cref="Condition"/> calls numbers of tumours by size.</summary>
    public const string SizeBins = "size_bins";

    /// <summary>Kinds of images that it makes.</summary>
    [MinLength(1)]
    public required IReadOnlyList<string> Target { get; init; }

    /// <summary>What they are made from: kinds of images, <c>size_bins</c>; empty where from nothing.</summary>
    public required IReadOnlyList<string> Condition { get; init; }

    /// <summary>Whether masks are made from numbers of tumours by size.</summary>
    public bool IsOfMasksFromNumbers => Target is [ImageKinds.Seg] && Condition.Contains(SizeBins);

    /// <summary>Voxels along depth, height and width; others are not valid.</summary>
    [MinLength(3), MaxLength(3)]
    public required IReadOnlyList<int> Shape { get; init; }

    /// <summary>Size of a voxel along the same axes, in mm.</summary>
    [MinLength(3), MaxLength(3)]
    public required IReadOnlyList<double> Spacing { get; init; }

    /// <summary>The intensities of prepared volumes, lowest and highest.</summary>
    [MinLength(2), MaxLength(2)]
    public required IReadOnlyList<double> Range { get; init; }

    /// <summary>How volumes are prepared, a sentence.</summary>
    [MinLength(1)]
    public required string Preprocessing { get; init; }
}

/// <summary>How an animal was trained.</summary>
public sealed record CardTraining
{
    /// <summary>The experiment's id.</summary>
    [MinLength(1)]
    public required string Experiment { get; init; }

    /// <summary>
    /// SHA-256 of the experiment by which it was trained, as its run had it; <c>experiment.yaml</c> here is that
    /// without the places of the machine.
    /// </summary>
    [RegularExpression("^[0-9a-f]{64}\\z")]
    public required string ExperimentSha256 { get; init; }

    /// <summary>What it was trained on, a sentence.</summary>
    [MinLength(1)]
    public required string Data { get; init; }

    /// <summary>The volumes of each split.</summary>
    [MinLength(1)]
    public required IReadOnlyDictionary<string, CardData> Splits { get; init; }

    /// <summary>Steps until the weights that ship.</summary>
    [Range(1, long.MaxValue)]
    public required long Steps { get; init; }

    /// <summary>Epochs until then.</summary>
    [Range(0, int.MaxValue)]
    public required int Epochs { get; init; }

    /// <summary>Seconds spent in training until then.</summary>
    [Range(0.0, double.MaxValue)]
    public required double Seconds { get; init; }

    /// <summary>Seed of all that was drawn.</summary>
    public required long Seed { get; init; }

    /// <summary>The machine, in words.</summary>
    [MinLength(1)]
    public required string Machine { get; init; }

    /// <summary>The day on which it ended, <c>2026-11-29</c>.</summary>
    [RegularExpression("^[0-9]{4}-[0-9]{2}-[0-9]{2}\\z")]
    public required string Date { get; init; }

    /// <summary>What training began with, and what of the run's weights was taken over by it; a sentence.</summary>
    [MinLength(1)]
    public required string Start { get; init; }
}

/// <summary>A split that an animal was trained or measured on.</summary>
public sealed record CardData
{
    /// <summary>Patients in it.</summary>
    [Range(0, int.MaxValue)]
    public required int Patients { get; init; }

    /// <summary>SHA-256 over names and contents of its volumes.</summary>
    [RegularExpression("^[0-9a-f]{64}\\z")]
    public required string Sha256 { get; init; }
}

/// <summary>Something that was measured of an animal.</summary>
public sealed record CardMeasure
{
    /// <summary>What.</summary>
    [MinLength(1)]
    public required string Metric { get; init; }

    /// <summary>The value.</summary>
    public required double Value { get; init; }

    /// <summary>The split, or what else it is measured by.</summary>
    [MinLength(1)]
    public required string Against { get; init; }

    /// <summary>How: volumes, sampler, steps, seed; a sentence.</summary>
    [MinLength(1)]
    public required string Protocol { get; init; }
}

/// <summary>One volume that was made when the animal was exported, as proof that it can be, and to compare with.</summary>
public sealed record CardTrial
{
    /// <summary>What was done: what <c>sample --count 1 --seed …</c> does, or that a ball was compressed and restored.</summary>
    [MinLength(1)]
    public required string Of { get; init; }

    /// <summary>Seconds, with loading.</summary>
    [Range(0.0, double.MaxValue)]
    public required double Seconds { get; init; }

    /// <summary>The most memory that the process had, in MiB.</summary>
    [Range(0, int.MaxValue)]
    public required int PeakMebibytes { get; init; }

    /// <summary>The machine, in words.</summary>
    [MinLength(1)]
    public required string Machine { get; init; }

    /// <summary>What is seen on the animal's picture, or <c>none</c>.</summary>
    [MinLength(1)]
    public required string Picture { get; init; }

    /// <summary>Means of the volume in 4×4×4 blocks, depth first; whoever makes the same volume elsewhere finds them within 0.02.</summary>
    [MinLength(64), MaxLength(64)]
    public required IReadOnlyList<double> Blocks { get; init; }
}

/// <summary>What the law says, of three things apart.</summary>
public sealed record CardLicences
{
    /// <summary>Of the code that builds the network.</summary>
    [MinLength(1)]
    public required string Code { get; init; }

    /// <summary>Of the weights.</summary>
    [MinLength(1)]
    public required string Weights { get; init; }

    /// <summary>Of what they were trained on.</summary>
    [MinLength(1)]
    public required string Data { get; init; }
}

/// <summary>What an animal is for.</summary>
public sealed record CardUse
{
    /// <summary>What it is meant for, a sentence.</summary>
    [MinLength(1)]
    public required string Intended { get; init; }

    /// <summary>What it cannot, or must not be taken for; a sentence each.</summary>
    [MinLength(1)]
    public required IReadOnlyList<string> Limits { get; init; }
}

/// <summary>A file of an animal.</summary>
public sealed record CardFile
{
    /// <summary>Size in bytes.</summary>
    [Range(0, long.MaxValue)]
    public required long Bytes { get; init; }

    /// <summary>SHA-256, lower-case hexadecimal.</summary>
    [RegularExpression("^[0-9a-f]{64}\\z")]
    public required string Sha256 { get; init; }
}
