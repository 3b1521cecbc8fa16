using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>Normalisation layers whose parameters start where the literature puts them.</summary>
public static class Norms
{
    /// <summary>
    /// Group normalisation with weight 1 and bias 0 (arXiv 1803.08494). TorchSharp 0.107 leaves both uninitialised, so its own
    /// <c>nn.GroupNorm</c> is banned here.
    /// </summary>
    /// <param name="groups">Number of groups; divides <paramref name="channels"/>.</param>
    /// <param name="channels">Channels C of the input <c>[B, C, …]</c>.</param>
    /// <param name="eps">Added to the variance.</param>
    /// <param name="device">Device of the parameters; default CPU. The meta device gives shapes without memory.</param>
    /// <returns>The layer, with keys <c>weight</c> and <c>bias</c>; owned by the caller.</returns>
    /// <exception cref="ArgumentException">The groups do not divide the channels.</exception>
    public static GroupNorm GroupNorm(long groups, long channels, double eps = 1e-5, Device? device = null)
    {
        if (groups < 1 || channels < 1 || channels % groups != 0)
            throw new ArgumentException($"{channels} channels do not divide into {groups} groups", nameof(groups));

#pragma warning disable RS0030 // banned elsewhere in favour of this method
        var norm = nn.GroupNorm(groups, channels, eps, affine: true, device);
#pragma warning restore RS0030
        nn.init.ones_(norm.weight!);
        nn.init.zeros_(norm.bias!);
        return norm;
    }
}
