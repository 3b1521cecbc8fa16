using TorchSharp;
using VoxelZoo.Abstractions;

namespace Acme.UViT;

/// <summary>
/// U-ViT in three dimensions (arXiv:2209.12152): time and patches are tokens of one sequence, and the blocks of the first half
/// are joined to
/// those of the second by long skip connections. An image condition is concatenated to the sample before it is cut into patches.
/// </summary>
[Architecture("uvit", Summary = "3-D U-ViT: time and patches are tokens, with long skip connections.")]
public sealed class UViTArchitecture : IArchitecture<UViTOptions>
{
    /// <inheritdoc/>
    public UViTOptions Tiny => new() { PatchSize = 8, HiddenSize = 24, Depth = 3, HeadChannels = 12, MlpRatio = 2 };

    /// <inheritdoc/>
    public UViTOptions Fit(UViTOptions options, DiffusionShape shape)
    {
        var latent = shape.Latent;
        Fitting.RefuseRemainder(
            latent, options.PatchSize, "patch_size",
            remainder => $"{remainder.Axis} {remainder.Size} of the latent does not divide into patches of {options.PatchSize}; "
                + $"pad it to {remainder.Padded} or change patch_size");
        if (options.HiddenSize % options.HeadChannels != 0)
            throw new PlanException(
                $"hidden_size {options.HiddenSize} does not divide into heads of {options.HeadChannels} channels; change head_channels",
                "head_channels");
        if (options.Depth % 2 == 0)
            throw new PlanException($"depth is {options.Depth}, and one block is in the middle; use {options.Depth + 1}", "depth");
        return options with
        {
            InChannels = Fitting.InChannels(options.InChannels, shape),
            OutChannels = Fitting.OutChannels(options.OutChannels, shape),
            DepthSize = Fitting.Agree(options.DepthSize, latent.Depth, "depth_size", $"the latent has {latent.Depth} slices"),
            HeightSize = Fitting.Agree(options.HeightSize, latent.Height, "height_size", $"the latent has {latent.Height} rows"),
            WidthSize = Fitting.Agree(options.WidthSize, latent.Width, "width_size", $"the latent has {latent.Width} columns"),
        };
    }

    /// <inheritdoc/>
    public DenoiserFacts Describe(UViTOptions options, DiffusionShape shape) => new() { Tokens = options.Tokens };

    /// <inheritdoc/>
    public Denoiser Create(UViTOptions options, PartContext context)
    {
        Fitting.Require(options.InChannels, options.OutChannels, "transformer");
        return options.Tokens > 0
            ? new UViTNetwork(options).to(context.Device)
            : throw new PlanException(
                "the grid is not known, for which there are positions; set depth_size, height_size and width_size", "depth_size");
    }
}
