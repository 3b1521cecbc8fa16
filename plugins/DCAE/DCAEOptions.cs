using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.DCAE;

/// <summary>
/// Options of <c>dcae</c>. Lists of stages hold one value for each stage, finest first, in the decoder too; each stage after the first
/// halves H and W. Defaults are those of preset <c>dcae3d</c>.
/// </summary>
public sealed record DCAEOptions : IPresets<DCAEOptions>
{
    /// <summary>
    /// 3: the network sees volumes. 2: it sees slices, each by itself, and depth is not compressed (arXiv:2410.10733). Default 3.
    /// </summary>
    [Range(2, 3)]
    public int Dimensions { get; init; } = 3;

    /// <summary>Channels of the volume and of its reconstruction. Default 1.</summary>
    [Range(1, 65536)]
    public int InChannels { get; init; } = 1;

    /// <summary>Channels C of the latent; divides the width of both last stages where they have a shortcut. Default 32.</summary>
    [Range(1, 65536)]
    public int LatentChannels { get; init; } = 32;

    /// <summary>
    /// Width of each stage of the encoder. A width after the first is b, the voxels that become one (4 · depth factor), times a divisor of
    /// the width before it.
    /// </summary>
    [MinLength(1), MaxLength(16), Range(1, 65536)]
    public IReadOnlyList<int> EncoderBlockOutChannels { get; init; } = [64, 128, 256, 256, 512, 512];

    /// <summary>
    /// Width of each stage of the decoder; as many as the encoder has. A width after the first divides b times the width before it.
    /// </summary>
    [MinLength(1), MaxLength(16), Range(1, 65536)]
    public IReadOnlyList<int> DecoderBlockOutChannels { get; init; } = [64, 128, 256, 256, 512, 512];

    /// <summary>Residual blocks of each stage of the encoder.</summary>
    [Range(0, 100)]
    public IReadOnlyList<int> EncoderLayersPerBlock { get; init; } = [2, 2, 2, 2, 2, 2];

    /// <summary>Residual blocks of each stage of the decoder.</summary>
    [Range(0, 100)]
    public IReadOnlyList<int> DecoderLayersPerBlock { get; init; } = [2, 2, 2, 2, 2, 2];

    /// <summary>
    /// How many slices become one between each stage and the next, so one value fewer than stages; only with <c>dimensions: 3</c>.
    /// Default: 2 for the first two, 1 for the others.
    /// </summary>
    [Range(1, 64)]
    public IReadOnlyList<int>? DepthFactors { get; init; }

    /// <summary>Whether the mean of each group of the encoder's last channels is added to the latent. Default true.</summary>
    public bool EncoderOutShortcut { get; init; } = true;

    /// <summary>Whether the latent, each channel repeated, is added to the decoder's first channels. Default true.</summary>
    public bool DecoderInShortcut { get; init; } = true;

    /// <summary>Factor of the latent as it is diffused, without unit; decoding divides by it. Default 1.</summary>
    [Range(1e-6, 1e6)]
    public double ScalingFactor { get; init; } = 1;

    /// <summary>
    /// Slices that the network sees at once where no gradient is wanted; only with <c>dimensions: 2</c>. Bounds memory, changes no number.
    /// Default: so many that one activation has at most 2²⁷ elements (512 MiB in float32).
    /// </summary>
    [Range(1, int.MaxValue)]
    public int? SlicesAtOnce { get; init; }

    /// <summary>
    /// Least number of first channels that training makes a latent by themselves (structured latents, arXiv:2508.00413). Below
    /// <see cref="LatentChannels"/>. Default: none, the latent is not structured.
    /// </summary>
    [Range(1, 65536)]
    public int? StructuredMinChannels { get; init; }

    /// <summary>
    /// Step from one such number to the next; the last one is <see cref="LatentChannels"/>. Only with structured latents. Default 4.
    /// </summary>
    [Range(1, 65536)]
    public int? StructuredChannelStep { get; init; }

    /// <inheritdoc/>
    public static string PresetKey => "preset";

    /// <inheritdoc/>
    public static IReadOnlyDictionary<string, DCAEOptions> Presets { get; } =
        new Dictionary<string, DCAEOptions>(StringComparer.OrdinalIgnoreCase)
        {
            ["dcae3d"] = new(),

            // slice by slice; each halving more keeps 2,048 numbers a slice of 256×256
            ["f32"] = SliceWise(stages: 6, latentChannels: 32),
            ["f64"] = SliceWise(stages: 7, latentChannels: 128),
            ["f128"] = SliceWise(stages: 8, latentChannels: 512),

            // the same with structured latents
            ["f32_1_5"] = SliceWise(stages: 6, latentChannels: 32) with { StructuredMinChannels = 16 },
            ["f64_1_5"] = SliceWise(stages: 7, latentChannels: 128) with { StructuredMinChannels = 16 },
            ["f128_1_5"] = SliceWise(stages: 8, latentChannels: 512) with { StructuredMinChannels = 16 },
        };

    // what the six stages of the original have; stages after them are as wide and deep as the sixth
    private static DCAEOptions SliceWise(int stages, int latentChannels)
    {
        int[] widths = [128, 256, 512, 512, 1024, 1024];
        int[] layers = [2, 2, 2, 3, 3, 3];
        return new()
        {
            Dimensions = 2,
            LatentChannels = latentChannels,
            EncoderBlockOutChannels = Continued(widths),
            DecoderBlockOutChannels = Continued(widths),
            EncoderLayersPerBlock = Continued(layers),
            DecoderLayersPerBlock = [.. Enumerable.Repeat(3, stages)],
        };

        int[] Continued(int[] first) => [.. first, .. Enumerable.Repeat(first[^1], stages - first.Length)];
    }
}
