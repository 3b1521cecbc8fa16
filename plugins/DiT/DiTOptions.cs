using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.DiT;

/// <summary>
/// Options of <c>dit</c>. Sizes are voxels of the grid on which diffusion runs. Defaults are those of variant B with patches of 2.
/// </summary>
public sealed record DiTOptions : IPresets<DiTOptions>
{
    /// <summary>
    /// Channels that are cut into patches: those of the noisy sample, and of the image condition where it is concatenated. Default: what
    /// the experiment implies.
    /// </summary>
    [Range(1, 65536)]
    public int? InChannels { get; init; }

    /// <summary>Channels of the prediction. Default: those of the latent.</summary>
    [Range(1, 65536)]
    public int? OutChannels { get; init; }

    /// <summary>
    /// Whether the last layer writes twice the channels, as networks do that also learn the variance (arXiv:2102.09672). The first half is
    /// the prediction; the second is neither used nor trained, and serves to load such weights. Default false.
    /// </summary>
    public bool LearnSigma { get; init; }

    /// <summary>Rows H of the one grid that the positions belong to. Default: the latent's.</summary>
    [Range(1, 65536)]
    public int? InputSize { get; init; }

    /// <summary>Columns W of that grid. Default: the latent's; outside of an experiment <see cref="InputSize"/>.</summary>
    [Range(1, 65536)]
    public int? WidthSize { get; init; }

    /// <summary>Slices D of that grid. Default: the latent's.</summary>
    [Range(1, 65536)]
    public int? DepthSize { get; init; }

    /// <summary>Edge of a patch, which becomes one token; divides each size of the grid. Default 2.</summary>
    [Range(1, 1024)]
    public int PatchSize { get; init; } = 2;

    /// <summary>Width E of a token, even and a multiple of <see cref="NumHeads"/>. Default 768.</summary>
    [Range(6, 65536)]
    public int HiddenSize { get; init; } = 768;

    /// <summary>Transformer blocks. Default 12.</summary>
    [Range(1, 1000)]
    public int Depth { get; init; } = 12;

    /// <summary>Attention heads of a block. Default 12.</summary>
    [Range(1, 65536)]
    public int NumHeads { get; init; } = 12;

    /// <summary>Width of the layer inside a block's MLP, as a multiple of <see cref="HiddenSize"/>. Default 4.</summary>
    [Range(0.25, 64.0)]
    public double MlpRatio { get; init; } = 4;

    /// <summary>How an image condition enters. Default: concatenated to the sample.</summary>
    public ImageConditioning Conditioning { get; init; } = ImageConditioning.Concat;

    /// <summary>Channels of the image condition; only with cross attention. Default: what the experiment implies.</summary>
    [Range(1, 65536)]
    public int? ConditionChannels { get; init; }

    /// <summary>
    /// Whether queries and keys of each head are layer-normalised, which keeps attention from saturating (arXiv:2302.05442). Default true.
    /// </summary>
    public bool QkNorm { get; init; } = true;

    /// <summary>
    /// Stochastic depth (arXiv:1603.09382): the probability with which a sample skips a branch of the last block in training; in block i of
    /// L it is i/L of that. Default 0.
    /// </summary>
    [Range(0.0, 0.95)]
    public double DropPath { get; init; }

    /// <summary>
    /// Most tokens that are not taken for a mistake: time and, without a fused kernel, memory of attention grow
    /// with their square. Default 32768.
    /// </summary>
    [Range(1, 1 << 24)]
    public int MaxTokens { get; init; } = 32768;

    /// <inheritdoc/>
    public static string PresetKey => "variant";

    /// <inheritdoc/>
    public static IReadOnlyDictionary<string, DiTOptions> Presets { get; } =
        new Dictionary<string, DiTOptions>(StringComparer.OrdinalIgnoreCase)
        {
            ["S"] = new() { HiddenSize = 384, Depth = 12, NumHeads = 6 },
            ["B"] = new() { HiddenSize = 768, Depth = 12, NumHeads = 12 },
            ["L"] = new() { HiddenSize = 1024, Depth = 24, NumHeads = 16 },
            ["XL"] = new() { HiddenSize = 1152, Depth = 28, NumHeads = 16 },
        };

    internal int MlpSize => (int)(HiddenSize * MlpRatio);

    /// <summary>What the last layer writes for each voxel; of complete options.</summary>
    internal int WrittenChannels => (LearnSigma ? 2 : 1) * OutChannels!.Value;

    internal bool CrossAttends => Conditioning == ImageConditioning.CrossAttn;

    /// <summary>What is cut into patches; of complete options.</summary>
    internal VolumeShape Input => new(InChannels!.Value, DepthSize!.Value, InputSize!.Value, WidthSize ?? InputSize.Value);

    internal long Tokens => TokensWith(PatchSize);

    internal long TokensWith(int patch) => Input.Voxels / ((long)patch * patch * patch);
}

/// <summary>How an image condition enters a <c>dit</c>.</summary>
public enum ImageConditioning
{
    /// <summary>As channels after those of the sample.</summary>
    Concat,

    /// <summary>As tokens of its own, to which each block attends after its self-attention.</summary>
    CrossAttn,
}
