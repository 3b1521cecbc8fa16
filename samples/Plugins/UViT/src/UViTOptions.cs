using System.ComponentModel.DataAnnotations;

namespace Acme.UViT;

/// <summary>Options of <c>uvit</c>. The defaults are those of U-ViT-S (arXiv:2209.12152, table 1).</summary>
public sealed record UViTOptions
{
    /// <summary>Channels of the noisy sample and its condition. Default: what the experiment implies.</summary>
    [Range(1, 65536)]
    public int? InChannels { get; init; }

    /// <summary>Channels of the prediction. Default: what the experiment implies.</summary>
    [Range(1, 65536)]
    public int? OutChannels { get; init; }

    /// <summary>Slices D of the one grid that the positions belong to. Default: the latent's.</summary>
    [Range(1, 65536)]
    public int? DepthSize { get; init; }

    /// <summary>Rows H of that grid. Default: the latent's.</summary>
    [Range(1, 65536)]
    public int? HeightSize { get; init; }

    /// <summary>Columns W of that grid. Default: the latent's.</summary>
    [Range(1, 65536)]
    public int? WidthSize { get; init; }

    /// <summary>Edge of a patch, which becomes one token; divides each size of the grid. Default 2.</summary>
    [Range(1, 64)]
    public int PatchSize { get; init; } = 2;

    /// <summary>Channels of a token, a multiple of <see cref="HeadChannels"/>. Default 512.</summary>
    [Range(2, 65536)]
    public int HiddenSize { get; init; } = 512;

    /// <summary>Transformer blocks: an odd number, one in the middle, and as many before as after it. Default 13.</summary>
    [Range(1, 255)]
    public int Depth { get; init; } = 13;

    /// <summary>Channels of one head of attention. Default 64.</summary>
    [Range(1, 4096)]
    public int HeadChannels { get; init; } = 64;

    /// <summary>Channels within a block's perceptron, as a multiple of <see cref="HiddenSize"/>. Default 4.</summary>
    [Range(1, 16)]
    public int MlpRatio { get; init; } = 4;

    /// <summary>Tokens of the sequence, the one of the time included; 0 while the grid is not known.</summary>
    internal long Tokens => (DepthSize, HeightSize, WidthSize) is ({ } d, { } h, { } w)
        ? 1 + (long)(d / PatchSize) * (h / PatchSize) * (w / PatchSize)
        : 0;
}
