using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.KL;

/// <summary>
/// Options of <c>kl</c>, named as MONAI names them. The three lists hold one value for each level, finest first; the defaults compress each
/// axis eight times.
/// </summary>
public sealed record KLOptions
{
    /// <summary>Channels of the volume. Default 1.</summary>
    [Range(1, 65536)]
    public int InChannels { get; init; } = 1;

    /// <summary>Channels of the reconstruction, which are the volume's. Default 1.</summary>
    [Range(1, 65536)]
    public int OutChannels { get; init; } = 1;

    /// <summary>Width of each level, a multiple of <see cref="NormNumGroups"/>. Each level after the first halves D, H and W.</summary>
    [MinLength(1), MaxLength(16)]
    public IReadOnlyList<int> Channels { get; init; } = [32, 64, 128, 128];

    /// <summary>Residual blocks of each level, of the encoder and of the decoder.</summary>
    [MinLength(1)]
    public IReadOnlyList<int> NumResBlocks { get; init; } = [2, 2, 2, 2];

    /// <summary>Whether an attention over all voxels follows each residual block of a level. Default: at none.</summary>
    [MinLength(1)]
    public IReadOnlyList<bool> AttentionLevels { get; init; } = [false, false, false, false];

    /// <summary>Channels of the latent. Default 3.</summary>
    [Range(1, 65536)]
    public int LatentChannels { get; init; } = 3;

    /// <summary>Groups of each group normalisation. Default 32.</summary>
    [Range(1, 65536)]
    public int NormNumGroups { get; init; } = 32;

    /// <summary>What the group normalisations add to the variance. Default 1e-6.</summary>
    [Range(1e-12, 1)]
    public double NormEps { get; init; } = 1e-6;

    /// <summary>Whether the encoder ends with an attention between two residual blocks. Default true.</summary>
    public bool WithEncoderNonlocalAttn { get; init; } = true;

    /// <summary>Whether the decoder begins with an attention between two residual blocks. Default true.</summary>
    public bool WithDecoderNonlocalAttn { get; init; } = true;

    /// <summary>
    /// Whether the decoder doubles the grid by transposed convolutions. Default false: by repetition and a convolution.
    /// </summary>
    public bool UseConvtranspose { get; init; }

    internal int Levels => Channels.Count;
}
