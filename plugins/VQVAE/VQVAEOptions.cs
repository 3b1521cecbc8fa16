using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.VQVAE;

/// <summary>
/// Options of <c>vqvae</c>, named as MONAI names them. Lists hold one value for each level, finest first. Defaults are
/// those of preset <c>vqvae_4x</c>.
/// </summary>
public sealed record VQVAEOptions : IPresets<VQVAEOptions>
{
    /// <summary>Channels of the volume. Default 1.</summary>
    [Range(1, 65536)]
    public int InChannels { get; init; } = 1;

    /// <summary>Channels of the reconstruction. Default 1.</summary>
    [Range(1, 65536)]
    public int OutChannels { get; init; } = 1;

    /// <summary>Width of each level.</summary>
    [MinLength(1)]
    public IReadOnlyList<int> Channels { get; init; } = [64, 128];

    /// <summary>Residual units of each level. Default 2.</summary>
    [Range(0, 100)]
    public int NumResLayers { get; init; } = 2;

    /// <summary>Width inside the residual units of each level.</summary>
    [MinLength(1)]
    public IReadOnlyList<int> NumResChannels { get; init; } = [64, 128];

    /// <summary>Stride, kernel, dilation and padding of each level's strided convolution.</summary>
    [MinLength(1)]
    public IReadOnlyList<IReadOnlyList<int>> DownsampleParameters { get; init; } = [[2, 4, 1, 1], [2, 4, 1, 1]];

    /// <summary>
    /// Stride, kernel, dilation, padding and output padding of the transposed convolutions, in the order in which the decoder runs.
    /// </summary>
    [MinLength(1)]
    public IReadOnlyList<IReadOnlyList<int>> UpsampleParameters { get; init; } = [[2, 4, 1, 1, 0], [2, 4, 1, 1, 0]];

    /// <summary>Vectors in the codebook. Default 512.</summary>
    [Range(1, 1 << 20)]
    public int NumEmbeddings { get; init; } = 512;

    /// <summary>Length of each vector: the channels of the latent. Default 4.</summary>
    [Range(1, 65536)]
    public int EmbeddingDim { get; init; } = 4;

    /// <summary>Weight of the commitment loss; only in training. Default 0.25.</summary>
    [Range(0.0, 1e3)]
    public double CommitmentCost { get; init; } = 0.25;

    /// <summary>Decay of the codebook's moving averages; only in training. Below 1, at which they would never move. Default 0.99.</summary>
    [Range(0.0, 1.0, MaximumIsExclusive = true)]
    public double Decay { get; init; } = 0.99;

    /// <summary>
    /// Laplace smoothing of the cluster sizes; only in training. Above 0, so that codes without vectors stay finite. Default 1e-5.
    /// </summary>
    [Range(1e-12, 1.0)]
    public double Epsilon { get; init; } = 1e-5;

    /// <summary>
    /// Vectors a pass, in the moving average, below which a code counts as dead and starts anew at a vector of the batch; only in training.
    /// 0 is off, as in MONAI. Default 0.01, one vector in a hundred passes: few enough that a code of a small latent is not taken for dead.
    /// </summary>
    [Range(0.0, 1e9)]
    public double ReviveThreshold { get; init; } = 0.01;

    /// <inheritdoc/>
    public static string PresetKey => "preset";

    /// <inheritdoc/>
    public static IReadOnlyDictionary<string, VQVAEOptions> Presets { get; } =
        new Dictionary<string, VQVAEOptions>(StringComparer.OrdinalIgnoreCase)
        {
            ["vqvae_4x"] = new(),
            ["vqvae_8x"] = new()
            {
                Channels = [128, 256, 256],
                NumResChannels = [128, 256, 256],
                DownsampleParameters = [[2, 4, 1, 1], [2, 4, 1, 1], [2, 4, 1, 1]],
                UpsampleParameters = [[2, 4, 1, 1, 0], [2, 4, 1, 1, 0], [2, 4, 1, 1, 0]],
                NumEmbeddings = 1024,
            },
        };

    internal int Levels => Channels.Count;
}
