using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion.Rejection;

/// <summary>
/// The head of the discriminator of diffusion rejection sampling (arXiv:2405.17880) over a frozen denoiser's features
/// <c>[B, F, d, h, w]</c>: to 128 channels, twice halved, the mean over the grid, one logit <c>[B, 1]</c>. 951,553 parameters for F = 512.
/// </summary>
internal static class DiscriminatorHead
{
    private const int Channels = 128;
    private const int Groups = 32;

    /// <summary>Builds the head, initialised from torch's global generator. The caller owns it.</summary>
    /// <param name="features">F.</param>
    /// <param name="device">Where the parameters are to be.</param>
    public static nn.Module<Tensor, Tensor> Create(int features, Device device) => nn.Sequential(
        ("conv_in", nn.Conv3d(features, Channels, 1, device: device)),
        ("norm_in", Norms.GroupNorm(Groups, Channels, device: device)),
        ("act_in", nn.SiLU()),
        ("down_1", nn.Conv3d(Channels, Channels, 3, stride: 2, padding: 1, device: device)),
        ("norm_1", Norms.GroupNorm(Groups, Channels, device: device)),
        ("act_1", nn.SiLU()),
        ("down_2", nn.Conv3d(Channels, Channels, 3, stride: 2, padding: 1, device: device)),
        ("norm_2", Norms.GroupNorm(Groups, Channels, device: device)),
        ("act_2", nn.SiLU()),
        ("pool", nn.AdaptiveAvgPool3d([1, 1, 1])),
        ("flatten", nn.Flatten()),
        ("out", nn.Linear(Channels, 1, device: device)));
}
