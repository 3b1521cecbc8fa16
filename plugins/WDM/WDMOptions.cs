using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.WDM;

/// <summary>Options of <c>wdm</c>. The defaults are the authors' network for volumes of 128³ voxels.</summary>
public sealed record WDMOptions : IPresets<WDMOptions>
{
    /// <summary>Channels that enter: those of the noisy sample and of the image condition. Default: what the experiment implies.</summary>
    [Range(1, 65536)]
    public int? InChannels { get; init; }

    /// <summary>Channels of the prediction. Default: those of the latent.</summary>
    [Range(1, 65536)]
    public int? OutChannels { get; init; }

    /// <summary>
    /// Width that the multipliers multiply, and a quarter of the time embedding's; a multiple of <see cref="NormNumGroups"/>. Default 64.
    /// </summary>
    [Range(2, 65536)]
    public int BaseChannels { get; init; } = 64;

    /// <summary>
    /// One for each level, finest first: the level's width in units of <see cref="BaseChannels"/>, 1 to 1024. Each level after the first
    /// halves D, H and W. Default 1, 2, 2, 4, 4.
    /// </summary>
    [MinLength(1), MaxLength(16)]
    public IReadOnlyList<int> ChannelMultipliers { get; init; } = [1, 2, 2, 4, 4];

    /// <summary>Residual blocks of each level; the way up has one more. Default 2.</summary>
    [Range(1, 64)]
    public int NumResBlocks { get; init; } = 2;

    /// <summary>Groups of each group normalisation. Default 32.</summary>
    [Range(1, 65536)]
    public int NormNumGroups { get; init; } = 32;

    /// <summary>
    /// Whether the way up averages its features with those kept on the way down, or else concatenates them, which takes more parameters
    /// and memory. Default true.
    /// </summary>
    public bool AdditiveSkips { get; init; } = true;

    /// <summary>
    /// Whether residual blocks change the grid's size, or else a strided convolution and a repetition with a convolution. Default true.
    /// </summary>
    public bool ResidualResampling { get; init; } = true;

    /// <summary>Probability with which training drops a feature before a block's second convolution. Default 0.</summary>
    [Range(0.0, 0.99)]
    public double Dropout { get; init; }

    /// <inheritdoc/>
    public static string PresetKey => "preset";

    /// <inheritdoc/>
    public static IReadOnlyDictionary<string, WDMOptions> Presets { get; } =
        new Dictionary<string, WDMOptions>(StringComparer.OrdinalIgnoreCase)
        {
            ["wdm_128"] = new(),
            ["wdm_256"] = new() { ChannelMultipliers = [1, 2, 2, 4, 4, 4] },
        };

    internal int Levels => ChannelMultipliers.Count;

    internal int Width(int level) => BaseChannels * ChannelMultipliers[level];
}
