using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.DCAE;

/// <summary>
/// Deep-compression autoencoder (arXiv:2410.10733): convolutions learn what is missing from a rearrangement of voxels into channels, so
/// that compression far beyond 8 an axis can be trained. In three dimensions or slice by slice, with structured latents
/// (arXiv:2508.00413) on request.
/// </summary>
[Compressor("dcae", Summary = "Deep-compression autoencoder: volumes or slices, structured latents.")]
public sealed class DCAECompressor : ICompressor<DCAEOptions>
{
    /// <inheritdoc/>
    public bool IsLearned => true;

    /// <inheritdoc/>
    public DCAEOptions Tiny => new()
    {
        LatentChannels = 4,
        EncoderBlockOutChannels = [4, 8, 8],
        DecoderBlockOutChannels = [4, 8, 8],
        EncoderLayersPerBlock = [1, 1, 1],
        DecoderLayersPerBlock = [1, 1, 1],
        DepthFactors = [2, 1],
    };

    /// <inheritdoc/>
    public VolumeShape LatentShape(DCAEOptions options, VolumeShape volume) => new Layout(options).Latent(volume);

    /// <inheritdoc/>
    public Compressor Create(DCAEOptions options, PartContext context) =>
        new DeepCompressionAutoencoder(new Layout(options), context.Device);
}
