using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.KL;

/// <summary>
/// Autoencoder whose latents are drawn towards a standard normal distribution, with the network and keys of MONAI's <c>AutoencoderKL</c>
/// in three dimensions (arXiv:2112.10752, arXiv:2209.07162). The latent that is diffused is the mean of what the encoder says.
/// </summary>
[Compressor("kl", Summary = "KL autoencoder; keys equal MONAI's AutoencoderKL.")]
public sealed class KLCompressor : ICompressor<KLOptions>, IReadsWeights
{
    private const int MaxChannels = 65_536;

    /// <inheritdoc/>
    public bool IsLearned => true;

    /// <inheritdoc/>
    public KLOptions Tiny => new()
    {
        Channels = [4, 8],
        NumResBlocks = [1, 1],
        AttentionLevels = [false, true],
        LatentChannels = 2,
        NormNumGroups = 2,
    };

    /// <inheritdoc/>
    public VolumeShape LatentShape(KLOptions options, VolumeShape volume)
    {
        RefuseInconsistency(options);
        Fitting.RefuseOtherChannels(options.InChannels, volume);
        Fitting.RefuseLevels(
            volume, options.Levels, "channels",
            remainder => $"take at most {remainder.Levels} levels or pad the volume to {remainder.Padded}");
        return volume.Coarser(1 << (options.Levels - 1)) with { Channels = options.LatentChannels };
    }

    /// <inheritdoc/>
    public Compressor Create(KLOptions options, PartContext context)
    {
        RefuseInconsistency(options);
        return new KLAutoencoder(options, context.Device);
    }

    /// <inheritdoc/>
    public string OwnName(string name) => KLWeights.OwnName(name);

    /// <inheritdoc/>
    public WeightReading Read(WeightShapes shapes) => KLWeights.Read(shapes);

    private static void RefuseInconsistency(KLOptions options)
    {
        RefuseLength(options.NumResBlocks.Count, "num_res_blocks");
        RefuseLength(options.AttentionLevels.Count, "attention_levels");
        if (options.OutChannels != options.InChannels)
            throw new PlanException(
                $"out_channels is {options.OutChannels} but a reconstruction has the channels of the volume, of which in_channels "
                + $"{options.InChannels} enter; set both to the same",
                "out_channels");
        for (var level = 0; level < options.Levels; level++)
        {
            var channels = options.Channels[level];
            if (channels is < 1 or > MaxChannels)
                throw new PlanException($"level {level} has {channels} channels; give it 1 to {MaxChannels}", "channels");
            if (channels % options.NormNumGroups != 0)
                throw new PlanException(
                    $"{channels} channels of level {level} do not divide into {options.NormNumGroups} groups; "
                    + "change channels or norm_num_groups",
                    "channels");
            if (options.NumResBlocks[level] < 1)
                throw new PlanException(
                    $"level {level} has {options.NumResBlocks[level]} residual blocks; give it at least 1", "num_res_blocks");
        }

        void RefuseLength(int count, string key)
        {
            if (count != options.Levels)
                throw new PlanException($"{key} has {count} values for {options.Levels} levels of channels; give one for each level", key);
        }
    }
}
