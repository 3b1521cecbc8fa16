using static TorchSharp.torch;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Diffusion.Latents;

/// <summary>Diffusion on the voxels themselves.</summary>
[Compressor("identity", Summary = "Diffusion on the voxels themselves.")]
public sealed class IdentityCompressor : ICompressor<IdentityOptions>
{
    /// <inheritdoc/>
    public bool IsLearned => false;

    /// <inheritdoc/>
    public VolumeShape LatentShape(IdentityOptions options, VolumeShape volume) => volume;

    /// <inheritdoc/>
    public Compressor Create(IdentityOptions options, PartContext context) => new Identity();

    private sealed class Identity() : Compressor("identity")
    {
        public override Tensor Encode(Tensor volume) => volume.alias();

        public override Tensor Decode(Tensor latent) => latent.alias();
    }
}

/// <summary>The identity has no options.</summary>
public sealed record IdentityOptions;
