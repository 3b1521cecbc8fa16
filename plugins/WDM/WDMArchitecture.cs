using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.WDM;

/// <summary>
/// The network of the wavelet diffusion models (WDM, arXiv:2402.19043) as its authors configure it, parameter for parameter and key for
/// key: the UNet of guided diffusion (arXiv:2105.05233) in three dimensions, without attention.
/// </summary>
[Architecture(
    "wdm", Summary = "3-D UNet of the wavelet diffusion models, without attention; keys equal its authors'. Meant for the latent of `haar`.")]
public sealed class WDMArchitecture : IArchitecture<WDMOptions>
{
    /// <inheritdoc/>
    public WDMOptions Tiny => new() { BaseChannels = 8, ChannelMultipliers = [1, 2], NumResBlocks = 1, NormNumGroups = 4 };

    /// <inheritdoc/>
    public WDMOptions Fit(WDMOptions options, DiffusionShape shape)
    {
        var complete = options with
        {
            InChannels = Agree(options.InChannels, shape.InputChannels, "in_channels", "the latent and its condition have"),
            OutChannels = Agree(options.OutChannels, shape.Latent.Channels, "out_channels", "the latent has"),
        };
        RefuseInconsistency(complete);

        var (depth, height, width) = (shape.Latent.Depth, shape.Latent.Height, shape.Latent.Width);
        foreach (var (axis, size) in new[] { ("depth", depth), ("height", height), ("width", width) })
            if (size % complete.Reduction != 0)
                throw new PlanException(
                    $"{axis} {size} of the {depth}×{height}×{width} grid is not divisible by {complete.Reduction}, as {complete.Levels} "
                    + $"levels need; keep {1 + int.TrailingZeroCount(size)} of the multipliers or pad the grid to "
                    + $"{NextMultiple(size, complete.Reduction)}",
                    "channel_multipliers");
        return complete;
    }

    /// <inheritdoc/>
    public DenoiserFacts Describe(WDMOptions options, DiffusionShape shape) =>
        new()
        {
            ActivationElements = Activations.Count(options, shape.Latent),
            CheckpointedElements = Activations.Count(options, shape.Latent, checkpointing: true),
        };

    /// <inheritdoc/>
    public Denoiser Create(WDMOptions options, PartContext context)
    {
        if (options.InChannels is null || options.OutChannels is null)
            throw new PlanException("the network's channels in and out are not known; set in_channels and out_channels", "in_channels");
        RefuseInconsistency(options);
        if (options.Dropout > 0 && context.GradientCheckpointing && context.Device.type == TorchSharp.DeviceType.CUDA)
            throw new PlanException("dropout draws on the GPU, where gradient checkpointing cannot draw the same again; set dropout to 0 or gradient_checkpointing to false", "dropout");
        return new WaveletDiffusionUNet(options, context);
    }

    private static int Agree(int? set, int implied, string key, string whose) => set is null || set == implied
        ? implied
        : throw new PlanException($"{key} is {set} but {whose} {implied} channels; leave {key} out", key);

    private static void RefuseInconsistency(WDMOptions options)
    {
        // every width is a multiple of the base, which is itself normalised at the finest level
        if (options.BaseChannels % options.NormNumGroups != 0)
            throw new PlanException(
                $"{options.BaseChannels} base channels do not divide into {options.NormNumGroups} groups; "
                + "change base_channels or norm_num_groups",
                "norm_num_groups");
        for (var level = 0; level < options.Levels; level++)
            if (options.ChannelMultipliers[level] is < 1 or > 1024)
                throw new PlanException(
                    $"level {level} multiplies the base channels by {options.ChannelMultipliers[level]}; give it a multiplier from 1 to 1024",
                    "channel_multipliers");
    }

    private static int NextMultiple(int size, int of) => (size + of - 1) / of * of;
}
