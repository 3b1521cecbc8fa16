using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>What metrics of sets ask of the volumes that they are given.</summary>
internal static class VolumeSets
{
    /// <exception cref="ArgumentException">They are no volumes, or not finite.</exception>
    public static void Require(Tensor real, Tensor generated)
    {
        if (real.dim() != 5 || generated.dim() != 5 || real.numel() == 0 || generated.numel() == 0)
            throw new ArgumentException(
                $"the sets are [{string.Join(", ", real.shape)}] and [{string.Join(", ", generated.shape)}], "
                + "expected volumes [N, C, D, H, W] of both");
        Finite.Require(real, "real volumes");
        Finite.Require(generated, "generated volumes");
    }
}
