using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.VQVAE;

/// <summary>
/// Vector-quantised autoencoder with the network and keys of MONAI's <c>VQVAE</c> in three dimensions (arXiv:1711.00937). The latent
/// that is diffused is the encoder's output before quantisation; decoding quantises it.
/// </summary>
[Compressor("vqvae", Summary = "Vector-quantised autoencoder; keys equal MONAI's VQVAE.")]
public sealed class VQVAECompressor : ICompressor<VQVAEOptions>, IReadsWeights
{
    /// <inheritdoc/>
    public bool IsLearned => true;

    /// <inheritdoc/>
    public VQVAEOptions Tiny => new()
    {
        Channels = [4, 8],
        NumResLayers = 1,
        NumResChannels = [4, 8],
        NumEmbeddings = 8,
        EmbeddingDim = 2,
    };

    /// <inheritdoc/>
    public VolumeShape LatentShape(VQVAEOptions options, VolumeShape volume)
    {
        RefuseInconsistency(options);
        Fitting.RefuseOtherChannels(options.InChannels, volume);
        return new VolumeShape(
            options.EmbeddingDim,
            Latent(options, "depth", volume.Depth),
            Latent(options, "height", volume.Height),
            Latent(options, "width", volume.Width));
    }

    /// <inheritdoc/>
    public Compressor Create(VQVAEOptions options, PartContext context)
    {
        RefuseInconsistency(options);
        return new VectorQuantizedAutoencoder(options, context.Device);
    }

    private static int Latent(VQVAEOptions options, string axis, int size)
    {
        var latent = options.DownsampleParameters.Aggregate(size, (n, p) => (n + 2 * p[3] - p[2] * (p[1] - 1) - 1) / p[0] + 1);
        var back = options.UpsampleParameters.Aggregate(latent, (n, p) => (n - 1) * p[0] - 2 * p[3] + p[2] * (p[1] - 1) + p[4] + 1);
        var stride = options.DownsampleParameters.Aggregate(1, (product, p) => product * p[0]);
        return latent >= 1 && back == size
            ? latent
            : throw new PlanException(
                $"{axis} {size} would come back as {Math.Max(back, 0)}; give the volume a {axis} that is a multiple of {stride}",
                "downsample_parameters");
    }

    private static void RefuseInconsistency(VQVAEOptions options)
    {
        RefuseLength(options.NumResChannels.Count, "num_res_channels");
        RefuseLength(options.DownsampleParameters.Count, "downsample_parameters");
        RefuseLength(options.UpsampleParameters.Count, "upsample_parameters");
        RefuseNumbers(options.DownsampleParameters, ["stride", "kernel", "dilation", "padding"], "downsample_parameters");
        RefuseNumbers(options.UpsampleParameters, ["stride", "kernel", "dilation", "padding", "output padding"], "upsample_parameters");
        if (options.Channels.Concat(options.NumResChannels).Any(channels => channels < 1))
            throw new PlanException("a level has less than 1 channel", options.Channels.Any(c => c < 1) ? "channels" : "num_res_channels");

        // below that, smoothing would pull a revived code away from its vector
        if (options.ReviveThreshold > 0 && options.ReviveThreshold < 10 * options.Epsilon)
            throw new PlanException(
                $"revive_threshold {options.ReviveThreshold} is less than 10 times epsilon {options.Epsilon}; "
                + $"set at least {10 * options.Epsilon}, or 0 for no revival",
                "revive_threshold");

        void RefuseLength(int count, string key)
        {
            if (count != options.Levels)
                throw new PlanException($"{key} has {count} entries for {options.Levels} levels of channels; give one for each level", key);
        }

        static void RefuseNumbers(IReadOnlyList<IReadOnlyList<int>> levels, string[] names, string key)
        {
            foreach (var numbers in levels)
                if (numbers.Count != names.Length || numbers.Take(3).Any(number => number < 1) || numbers.Any(number => number < 0))
                    throw new PlanException(
                        $"[{string.Join(", ", numbers)}] is not [{string.Join(", ", names)}] with the first three at least 1", key);
        }
    }

    /// <inheritdoc/>
    public WeightReading Read(WeightShapes shapes) => VQVAEWeights.Read(shapes);
}
