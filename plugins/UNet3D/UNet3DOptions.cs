using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.UNet3D;

/// <summary>Options of <c>unet3d</c>, named as MONAI names them. The three lists hold one value for each level, finest first.</summary>
public sealed record UNet3DOptions : IPresets<UNet3DOptions>
{
    /// <summary>Channels that enter: those of the noisy sample and of the image condition. Default: what the experiment implies.</summary>
    [Range(1, 65536)]
    public int? InChannels { get; init; }

    /// <summary>Channels of the prediction. Default: those of the latent.</summary>
    [Range(1, 65536)]
    public int? OutChannels { get; init; }

    /// <summary>Width of each level, a multiple of <see cref="NormNumGroups"/>. Each level after the first halves D, H and W.</summary>
    [MinLength(1), MaxLength(16)]
    public IReadOnlyList<int> Channels { get; init; } = [32, 64, 256, 512, 512];

    /// <summary>Residual blocks of each level; the way up has one more.</summary>
    [MinLength(1)]
    public IReadOnlyList<int> NumResBlocks { get; init; } = [1, 1, 2, 2, 2];

    /// <summary>Whether an attention follows each residual block of a level. The middle has one in any case.</summary>
    [MinLength(1)]
    public IReadOnlyList<bool> AttentionLevels { get; init; } = [false, false, false, true, true];

    /// <summary>Channels of one attention head; divides the width of the attention levels and of the last level. Default 32.</summary>
    [Range(1, 65536)]
    public int NumHeadChannels { get; init; } = 32;

    /// <summary>Groups of each group normalisation. Default 32.</summary>
    [Range(1, 65536)]
    public int NormNumGroups { get; init; } = 32;

    /// <summary>What the group normalisations add to the variance. Default 1e-6.</summary>
    [Range(1e-12, 1)]
    public double NormEps { get; init; } = 1e-6;

    /// <summary>
    /// Whether residual blocks halve and double the grid, by average pooling and repetition inside. Default false: a strided convolution,
    /// and a repetition with a convolution.
    /// </summary>
    public bool ResblockUpdown { get; init; }

    /// <inheritdoc/>
    public static string PresetKey => "preset";

    /// <inheritdoc/>
    public static IReadOnlyDictionary<string, UNet3DOptions> Presets { get; } =
        new Dictionary<string, UNet3DOptions>(StringComparer.OrdinalIgnoreCase)
        {
            // pixels: "UNet 5L", and the six-level list that needs sizes divisible by 32
            ["unet5l"] = Preset([32, 64, 256, 512, 512], [1, 1, 2, 2, 2], attention: 2, head: 32),
            ["unet6l"] = Preset([16, 32, 64, 256, 512, 512], [1, 1, 1, 2, 2, 2], attention: 2, head: 16, groups: 16),

            // eight channels of half size: space-to-depth and wavelets
            ["s2d"] = Preset([64, 128, 512, 1024, 1024], [2, 2, 3, 3, 3], attention: 2, head: 32),
            ["wdm"] = Preset([64, 128, 128, 256, 256], [2, 2, 2, 2, 2], attention: 0, head: 32),
            ["wdm_attention"] = Preset([64, 128, 128, 256, 256], [2, 2, 2, 2, 2], attention: 2, head: 32),

            // latents of a VQ-VAE, compressed 4 and 8 times an axis
            ["ldm4x"] = Preset([256, 512, 1024, 2048], [3, 3, 3, 3], attention: 2, head: 64),
            ["ldm4x_mid"] = Preset([128, 256, 512, 1024], [2, 2, 2, 2], attention: 2, head: 32),
            ["ldm8x"] = Preset([512, 1024, 2048], [3, 3, 3], attention: 2, head: 64),
            ["ldm8x_small"] = Preset([128, 256, 512], [2, 2, 2], attention: 2, head: 32),
        };

    internal int Levels => Channels.Count;

    private static UNet3DOptions Preset(int[] channels, int[] blocks, int attention, int head, int groups = 32) => new()
    {
        Channels = channels,
        NumResBlocks = blocks,
        AttentionLevels = [.. channels.Select((_, level) => level >= channels.Length - attention)],
        NumHeadChannels = head,
        NormNumGroups = groups,
    };
}
