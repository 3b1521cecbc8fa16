using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Engine.Compression;

/// <summary>
/// The patch discriminator of pix2pix (arXiv:1611.07004) in three dimensions, with the layers and keys of MONAI's
/// <c>PatchDiscriminator</c>. It returns its last map alone, one logit for each patch; MONAI's list of all layers' features would let them
/// into the loss.
/// </summary>
internal static class PatchDiscriminator
{
    private const int Kernel = 4;

    /// <summary>
    /// Fewest voxels along an axis that leave a patch: each halving doubles them, and the two last convolutions take one each.
    /// </summary>
    public static int SmallestSize(DiscriminatorOptions options) => 3 << options.Layers;

    /// <summary>Builds the network for volumes of one channel, initialised from torch's global generator. The caller owns it.</summary>
    public static nn.Module<Tensor, Tensor> Create(DiscriminatorOptions options, Device device)
    {
        List<(string, nn.Module<Tensor, Tensor>)> layers =
        [
            ("initial_conv", nn.Sequential(
                ("conv", Convolution(1, options.Channels, stride: 2, bias: true, device)),
                ("adn", nn.Sequential(("A", nn.LeakyReLU(0.2)))))),
        ];
        for (var layer = 0; layer < options.Layers; layer++)
        {
            var (from, stride) = (options.Channels << layer, layer == options.Layers - 1 ? 1 : 2);
            layers.Add(($"{layer}", nn.Sequential(
                ("conv", Convolution(from, 2 * from, stride, bias: false, device)),
                ("adn", nn.Sequential(("N", Norm(2 * from, device)), ("A", nn.LeakyReLU(0.2)))))));
        }

        layers.Add(
            ("final_conv", nn.Sequential(("conv", Convolution(options.Channels << options.Layers, 1, stride: 1, bias: true, device)))));
        return nn.Sequential(layers);
    }

    /// <summary>
    /// Mean squared distance of the logits from what they should be (least-squares GAN, arXiv:1611.04076): 1 for real, 0 for reconstructed.
    /// </summary>
    public static Tensor Loss(Tensor logits, bool real)
    {
        using var scope = NewDisposeScope();
        return F.mse_loss(logits, full_like(logits, S(real ? 1.0 : 0.0))).MoveToOuterDisposeScope();
    }

    private static Conv3d Convolution(int from, int to, int stride, bool bias, Device device)
    {
        var convolution = nn.Conv3d(from, to, Kernel, stride, padding: 1, bias: bias, device: device);
        nn.init.normal_(convolution.weight, 0, 0.02);
        return convolution;
    }

    private static BatchNorm3d Norm(int channels, Device device)
    {
        var norm = nn.BatchNorm3d(channels, device: device);
        nn.init.normal_(norm.weight, 1, 0.02);
        return norm;
    }
}
