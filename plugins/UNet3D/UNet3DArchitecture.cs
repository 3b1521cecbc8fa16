using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.UNet3D;

/// <summary>
/// The diffusion UNet of MONAI's <c>DiffusionModelUNet</c> in three dimensions, parameter for parameter and key for key
/// (arXiv:2307.15208; the network goes back to arXiv:2112.10752).
/// </summary>
[Architecture("unet3d", Summary = "3-D diffusion UNet with attention at its coarse levels; keys equal MONAI's DiffusionModelUNet.")]
public sealed class UNet3DArchitecture : IArchitecture<UNet3DOptions>, IReadsWeights
{
    private const int MaxChannels = 65_536;

    /// <inheritdoc/>
    public UNet3DOptions Tiny => new()
    {
        Channels = [8, 16],
        NumResBlocks = [1, 1],
        AttentionLevels = [false, true],
        NumHeadChannels = 8,
        NormNumGroups = 4,
    };

    /// <inheritdoc/>
    public UNet3DOptions Fit(UNet3DOptions options, DiffusionShape shape)
    {
        var complete = options with
        {
            InChannels = Fitting.InChannels(options.InChannels, shape),
            OutChannels = Fitting.OutChannels(options.OutChannels, shape),
        };
        RefuseInconsistency(complete);
        Fitting.RefuseLevels(
            shape.Latent, complete.Levels, "channels",
            remainder => $"take at most {remainder.Levels} levels or pad the volume to {remainder.Padded}");
        return complete;
    }

    /// <inheritdoc/>
    public DenoiserFacts Describe(UNet3DOptions options, DiffusionShape shape)
    {
        using var scope = NewDisposeScope();
        using var network = new DiffusionModelUNet(options, PartContext.Meta);
        return DenoiserFacts.Of(network.Saved(shape.Latent with { Channels = options.InChannels!.Value }));
    }

    /// <inheritdoc/>
    public Denoiser Create(UNet3DOptions options, PartContext context)
    {
        RefuseIncompleteness(options);
        return new DiffusionModelUNet(options, context);
    }

    /// <inheritdoc/>
    public ControlBranch CreateControl(UNet3DOptions options, ControlOptions control, PartContext context)
    {
        RefuseIncompleteness(options);
        if (control.ImageChannels < 1)
            throw new PlanException($"the steering image has {control.ImageChannels} channels; give it at least 1", "image_channels");
        if (control.EmbeddingChannels.Count == 0 || control.EmbeddingChannels.Any(width => width < 1))
            throw new PlanException(
                $"embedding channels are [{string.Join(", ", control.EmbeddingChannels)}]; give at least one width, each at least 1",
                "embedding_channels");
        return new ControlNet(options, control, context);
    }

    private static void RefuseIncompleteness(UNet3DOptions options)
    {
        Fitting.Require(options.InChannels, options.OutChannels, "UNet");
        RefuseInconsistency(options);
    }

    private static void RefuseInconsistency(UNet3DOptions options)
    {
        RefuseLength(options.NumResBlocks.Count, "num_res_blocks");
        RefuseLength(options.AttentionLevels.Count, "attention_levels");
        for (var level = 0; level < options.Levels; level++)
        {
            var channels = options.Channels[level];
            if (channels is < 2 or > MaxChannels)
                throw new PlanException($"level {level} has {channels} channels; give it 2 to {MaxChannels}", "channels");
            if (channels % options.NormNumGroups != 0)
                throw new PlanException(
                    $"{channels} channels of level {level} do not divide into {options.NormNumGroups} groups; "
                    + "change channels or norm_num_groups",
                    "channels");
            if (options.NumResBlocks[level] < 1)
                throw new PlanException(
                    $"level {level} has {options.NumResBlocks[level]} residual blocks; give it at least 1", "num_res_blocks");
            // the last level's width is also that of the middle block, which always attends
            if ((options.AttentionLevels[level] || level == options.Levels - 1) && channels % options.NumHeadChannels != 0)
                throw new PlanException(
                    $"{channels} channels of level {level} do not divide into attention heads of {options.NumHeadChannels}; "
                    + "change num_head_channels",
                    "num_head_channels");
        }

        void RefuseLength(int count, string key)
        {
            if (count != options.Levels)
                throw new PlanException($"{key} has {count} values for {options.Levels} levels of channels; give one for each level", key);
        }
    }

    /// <inheritdoc/>
    public string OwnName(string name) => UNet3DWeights.OwnName(name);

    /// <inheritdoc/>
    public WeightReading Read(WeightShapes shapes) => UNet3DWeights.Read(shapes);
}
