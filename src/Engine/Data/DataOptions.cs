using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>The <c>data:</c> section of an experiment: where the volumes are and what is done to them before a network sees them.</summary>
public sealed record DataOptions
{
    /// <summary>The cohort's folder, see <see cref="Data.Cohort"/>.</summary>
    public string Cohort { get; init; } = "";

    /// <summary>Makes the cohort from the head that ships, into the run's folder, instead of reading one. Default: none.</summary>
    public SynthesisOptions? Synthesize { get; init; }

    /// <summary>Slices D of the network's volume, after padding. Default 160.</summary>
    [Range(1, 4096)]
    public int Depth { get; init; } = 160;

    /// <summary>Rows H of the network's volume, at most those of the file. Default 256.</summary>
    [Range(1, 4096)]
    public int Height { get; init; } = 256;

    /// <summary>Columns W of the network's volume, at most those of the file. Default 256.</summary>
    [Range(1, 4096)]
    public int Width { get; init; } = 256;

    /// <summary>
    /// The most slices that a file may have after <see cref="SliceStep"/>, and those that generated volumes are written with; at most
    /// <see cref="Depth"/>. Default 150.
    /// </summary>
    [Range(1, 4096)]
    public int OriginalDepth { get; init; } = 150;

    /// <summary>Keeps slices 0, n, 2n … of a file. Default 1, all.</summary>
    [Range(1, 64)]
    public int SliceStep { get; init; } = 1;

    /// <summary>What the slices between a file's own and <see cref="Depth"/> hold. Default <see cref="PadMode.Replicate"/>.</summary>
    public PadMode PadMode { get; init; } = PadMode.Replicate;

    /// <summary>Extent of the rows and of the columns in mm, from which the in-plane spacing follows. Default 240.</summary>
    [Range(1.0, 2000.0)]
    public double FieldOfView { get; init; } = 240;

    /// <summary>Distance of neighbouring slices of a file in mm, before <see cref="SliceStep"/>. Default 1.</summary>
    [Range(0.01, 100.0)]
    public double SlicePitch { get; init; } = 1;

    /// <summary>How intensities become numbers from 0 to 1. Default <see cref="Normalization.PerVolume"/>.</summary>
    public Normalization Normalization { get; init; } = Normalization.PerVolume;

    /// <summary>
    /// For <see cref="Normalization.Fixed"/>: the intensity of each kind of image that becomes 1. Defaults, those of the original cohort:
    /// bravo 5898, t1_pre 1257, t1_gd 1353. A section of one's own replaces all of them.
    /// </summary>
    public IReadOnlyDictionary<string, double> ClipMax { get; init; } =
        new Dictionary<string, double> { [ImageKinds.Bravo] = 5898, [ImageKinds.T1Pre] = 1257, [ImageKinds.T1Gd] = 1353 };

    /// <summary>
    /// Two shares of the file's voxels, such as [0.001, 0.999]: the intensities at these quantiles take the place of its smallest and
    /// largest, and what lies beyond is clipped. With <see cref="Normalization.PerVolume"/> alone. Default: none.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<double>? ClipQuantiles { get; init; }

    /// <summary>Which voxels of a shrunken mask are tumour. Default <see cref="SegRule.MoreThanHalf"/>.</summary>
    public SegRule SegRule { get; init; } = SegRule.MoreThanHalf;

    /// <summary>Leaves patients without tumour (after resizing) out of the training split. Default false.</summary>
    public bool PositiveOnly { get; init; }

    /// <summary>
    /// Takes images whose affines differ within a patient, or whose header names two voxel sizes, two places or a size that no scanner has,
    /// as if they lay on each other. Default false: they are refused.
    /// </summary>
    public bool AllowGeometryMismatch { get; init; }

    /// <summary>Takes every label of a mask with several as tumour. Default false: such masks are refused.</summary>
    public bool MergeLabels { get; init; }

    /// <summary>Goes on where more than a tenth of a split's patients lack an image that is needed. Default false: refused.</summary>
    public bool AllowMissing { get; init; }

    /// <summary>
    /// Folder of latents that are computed once before training, where a learned compressor makes them; runs of the same data and
    /// compressor may share one. Default: the folder <c>latents</c> of the run.
    /// </summary>
    public string? Latents { get; init; }

    /// <summary>
    /// Memory for prepared volumes, in MiB, so that each is decoded once; volumes beyond it are decoded each time.
    /// Default 4096, 0 keeps none.
    /// </summary>
    [Range(0, 1 << 20)]
    public int CacheMegabytes { get; init; } = 4096;

    /// <summary>Batches that are prepared at once while the network trains. Default 2.</summary>
    [Range(1, 64)]
    public int Workers { get; init; } = 2;

    /// <summary>Voxel size of the network's volume in mm: field of view over size in plane, pitch times step between slices.</summary>
    public Spacing Spacing => new(SlicePitch * SliceStep, FieldOfView / Height, FieldOfView / Width);

    /// <summary>Checks what spans several options, for the kinds of image that are wanted.</summary>
    /// <exception cref="PlanException">Two options contradict each other; the key names one of them.</exception>
    public void Validate(IReadOnlyList<string> kinds)
    {
        if (Synthesize is not null && Cohort.Length > 0)
            throw new PlanException($"cohort '{Cohort}' would not be read, because synthesize makes one; remove one of the two.", "cohort");
        if (OriginalDepth > Depth)
            throw new PlanException(
                $"original_depth {OriginalDepth} does not fit into depth {Depth}; padding only adds slices.", "original_depth");
        if (ClipQuantiles is { } quantiles)
        {
            if (quantiles is not [>= 0 and var low, <= 1 and var high] || low >= high)
                throw new PlanException(
                    $"clip_quantiles [{string.Join(", ", quantiles.Select(share => share.ToString(CultureInfo.InvariantCulture)))}] are no "
                    + "two rising shares from 0 to 1, such as [0.001, 0.999]; correct them.",
                    "clip_quantiles");
            if (Normalization == Normalization.Fixed)
                throw new PlanException(
                    "clip_quantiles are of each volume's own intensities, and normalization fixed takes those of clip_max; "
                    + "remove one of the two.",
                    "clip_quantiles");
            if (Normalization == Normalization.Cohort)
                throw new PlanException(
                    "clip_quantiles are of each volume's own intensities, and normalization cohort takes those of cohort.json; "
                    + "remove one of the two.",
                    "clip_quantiles");
        }

        foreach (var kind in kinds)
        {
            if (!ImageKinds.IsName(kind))
                throw new PlanException($"there is no image kind '{kind}': {ImageKinds.Rule}.");
            if (Normalization == Normalization.Fixed && !ImageKinds.IsMask(kind) && !(ClipMax.GetValueOrDefault(kind) > 0))
                throw new PlanException($"fixed normalization needs a positive clip_max for {kind}.", "clip_max");
        }
    }
}

/// <summary>What fills the slices that a file does not have.</summary>
public enum PadMode
{
    /// <summary>The file's last slice, again and again.</summary>
    Replicate,

    /// <summary>Zeros.</summary>
    Constant,
}

/// <summary>How intensities become numbers from 0 to 1.</summary>
public enum Normalization
{
    /// <summary>The file's smallest intensity becomes 0 and its largest 1, before resizing; a constant volume becomes 0.</summary>
    PerVolume,

    /// <summary>0 becomes 0 and the kind's <see cref="DataOptions.ClipMax"/> becomes 1; what lies outside is clipped.</summary>
    Fixed,

    /// <summary>
    /// The two intensities that the cohort's <c>cohort.json</c> names for the kind become 0 and 1; what lies outside is clipped.
    /// </summary>
    Cohort,
}

/// <summary>Which voxels of a resized mask are tumour, by the part of their area that is.</summary>
public enum SegRule
{
    /// <summary>
    /// More than half of the area. The rule of the original; of 2×2 pixels three have to be tumour, so small tumours shrink or go.
    /// </summary>
    MoreThanHalf,

    /// <summary>Half of the area or more.</summary>
    AtLeastHalf,

    /// <summary>Any part of the area: no tumour is lost, all grow.</summary>
    Any,
}
