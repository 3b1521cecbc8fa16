using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Features;

/// <summary>
/// ResNet-50 (arXiv:1512.03385) without its classifier, for inference: slices <c>[n, 3, H, W]</c> → maps <c>[n, 2048, H/32, W/32]</c>.
/// Keys are torchvision's.
/// </summary>
internal sealed class ResidualNetwork : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> conv1, bn1, layer1, layer2, layer3, layer4;

    public ResidualNetwork(ResidualVariant variant, Device device)
        : base(nameof(ResidualNetwork))
    {
        conv1 = nn.Conv2d(3, 64, 7, stride: 2, padding: 3L, bias: variant.Bias, device: device);
        bn1 = new FrozenBatchNorm(64, variant.Epsilon, device);
        layer1 = Layer(64, 64, blocks: 3, stride: 1, variant, device);
        layer2 = Layer(256, 128, blocks: 4, stride: 2, variant, device);
        layer3 = Layer(512, 256, blocks: 6, stride: 2, variant, device);
        layer4 = Layer(1024, 512, blocks: 3, stride: 2, variant, device);
        RegisterComponents();
    }

    public override Tensor forward(Tensor slices)
    {
        var x = nn.functional.relu(bn1.call(conv1.call(slices)));                 // [n, 64, H/2, W/2]
        x = nn.functional.max_pool2d(x, 3, stride: 2, padding: 1);                // [n, 64, H/4, W/4]
        return layer4.call(layer3.call(layer2.call(layer1.call(x))));             // [n, 2048, H/32, W/32]
    }

    private static nn.Module<Tensor, Tensor> Layer(int from, int width, int blocks, int stride, ResidualVariant variant, Device device)
    {
        nn.Module<Tensor, Tensor> Block(int i) => i == 0
            ? new Bottleneck(from, width, stride, variant, device)
            : new Bottleneck(4 * width, width, stride: 1, variant, device);
        return nn.Sequential([.. Enumerable.Range(0, blocks).Select(i => (i.ToString(CultureInfo.InvariantCulture), Block(i)))]);
    }

    /// <summary>1×1, 3×3, 1×1 with a shortcut around them.</summary>
    private sealed class Bottleneck : nn.Module<Tensor, Tensor>
    {
        private readonly nn.Module<Tensor, Tensor> conv1, bn1, conv2, bn2, conv3, bn3;
        private readonly nn.Module<Tensor, Tensor>? downsample;

        public Bottleneck(int from, int width, int stride, ResidualVariant variant, Device device)
            : base(nameof(Bottleneck))
        {
            var (first, second) = variant.StrideFirst ? (stride, 1) : (1, stride);
            conv1 = nn.Conv2d(from, width, 1, stride: first, bias: variant.Bias, device: device);
            bn1 = new FrozenBatchNorm(width, variant.Epsilon, device);
            conv2 = nn.Conv2d(width, width, 3, stride: second, padding: 1L, bias: variant.Bias, device: device);
            bn2 = new FrozenBatchNorm(width, variant.Epsilon, device);
            conv3 = nn.Conv2d(width, 4 * width, 1, bias: variant.Bias, device: device);
            bn3 = new FrozenBatchNorm(4 * width, variant.Epsilon, device);
            downsample = from == 4 * width ? null : nn.Sequential(
                ("0", nn.Conv2d(from, 4 * width, 1, stride: stride, bias: variant.Bias, device: device)),
                ("1", new FrozenBatchNorm(4 * width, variant.Epsilon, device)));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            var h = nn.functional.relu(bn1.call(conv1.call(x)));
            h = nn.functional.relu(bn2.call(conv2.call(h)));
            h = bn3.call(conv3.call(h));
            return nn.functional.relu(h + (downsample is null ? x : downsample.call(x)));
        }
    }

    /// <summary>Batch normalisation by the moments that training left: <c>(x − mean)/√(var + ε)·weight + bias</c>.</summary>
    private sealed class FrozenBatchNorm : nn.Module<Tensor, Tensor>
    {
        private readonly double _epsilon;
        private readonly Tensor weight, bias, running_mean, running_var;

        public FrozenBatchNorm(int channels, double epsilon, Device device)
            : base(nameof(FrozenBatchNorm))
        {
            _epsilon = epsilon;
            (weight, bias) = (ones(channels, device: device), zeros(channels, device: device));
            (running_mean, running_var) = (zeros(channels, device: device), ones(channels, device: device));
            register_buffer(nameof(weight), weight);
            register_buffer(nameof(bias), bias);
            register_buffer(nameof(running_mean), running_mean);
            register_buffer(nameof(running_var), running_var);
        }

        public override Tensor forward(Tensor x) => nn.functional.batch_norm(
            x, get_buffer(nameof(running_mean))!, get_buffer(nameof(running_var))!, get_buffer(nameof(weight))!, get_buffer(nameof(bias))!,
            training: false, eps: _epsilon);
    }
}

/// <summary>What differs between the ResNet-50 that are about.</summary>
/// <param name="Bias">Whether convolutions have a bias.</param>
/// <param name="StrideFirst">
/// Whether a block halves the grid in its first convolution, as in the paper and in Keras, or in its second, as in torchvision.
/// </param>
/// <param name="Epsilon">Added to the variances.</param>
internal sealed record ResidualVariant(bool Bias, bool StrideFirst, double Epsilon)
{
    /// <summary>torchvision's.</summary>
    public static ResidualVariant Torchvision { get; } = new(Bias: false, StrideFirst: false, 1e-5);

    /// <summary>Keras', on which RadImageNet was trained.</summary>
    public static ResidualVariant Keras { get; } = new(Bias: true, StrideFirst: true, 1.001e-5);
}
