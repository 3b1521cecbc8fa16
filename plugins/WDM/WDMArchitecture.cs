using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.WDM;

/// <summary>
/// The network of the wavelet diffusion models (WDM, arXiv:2402.19043) as its authors configure it, parameter for parameter and key for
/// key: the UNet of guided diffusion (arXiv:2105.05233) in three dimensions, without attention.
/// </summary>
[Architecture(
    "wdm",
    Summary = "3-D UNet of the wavelet diffusion models, without attention; keys equal its authors'. Meant for the latent of `haar`.")]
public sealed class WDMArchitecture : IArchitecture<WDMOptions>, IReadsWeights
{
    /// <inheritdoc/>
    public WDMOptions Tiny => new() { BaseChannels = 8, ChannelMultipliers = [1, 2], NumResBlocks = 1, NormNumGroups = 4 };

    /// <inheritdoc/>
    public WDMOptions Fit(WDMOptions options, DiffusionShape shape)
    {
        var complete = options with
        {
            InChannels = Fitting.InChannels(options.InChannels, shape),
            OutChannels = Fitting.OutChannels(options.OutChannels, shape),
        };
        RefuseInconsistency(complete);
        Fitting.RefuseLevels(
            shape.Latent, complete.Levels, "channel_multipliers",
            remainder => $"keep {remainder.Levels} of the multipliers or pad the grid to {remainder.Padded}");
        return complete;
    }

    /// <inheritdoc/>
    public DenoiserFacts Describe(WDMOptions options, DiffusionShape shape)
    {
        using var scope = NewDisposeScope();
        using var network = new WaveletDiffusionUNet(options, PartContext.Meta);
        return DenoiserFacts.Of(network.Saved(shape.Latent with { Channels = options.InChannels!.Value }));
    }

    /// <inheritdoc/>
    public Denoiser Create(WDMOptions options, PartContext context)
    {
        Fitting.Require(options.InChannels, options.OutChannels);
        RefuseInconsistency(options);
        if (options.Dropout > 0 && context.GradientCheckpointing && context.Device.type == TorchSharp.DeviceType.CUDA)
            throw new PlanException(
                "dropout draws on the GPU, where gradient checkpointing cannot draw the same again; "
                + "set dropout to 0 or gradient_checkpointing to false",
                "dropout");
        return new WaveletDiffusionUNet(options, context);
    }

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
                    $"level {level} multiplies the base channels by {options.ChannelMultipliers[level]}; "
                    + "give it a multiplier from 1 to 1024",
                    "channel_multipliers");
    }

    /// <inheritdoc/>
    public WeightReading Read(WeightShapes shapes) => WDMWeights.Read(shapes);
}
