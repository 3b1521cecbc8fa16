using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.KL;

// The network from top to bottom. Fields carry MONAI's key names, because TorchSharp takes the keys of a state dict from them.
// Shapes: B batch, C channels, D×H×W voxels, N = D·H·W tokens.

/// <summary>Encoder, the two maps that make a mean and a deviation of what it says, decoder.</summary>
internal sealed class KLAutoencoder : Compressor
{
    // the range of the logarithm of the variance, outside of which its exponential or its gradient is of no use
    private const double LeastLogVariance = -30, LargestLogVariance = 20;

    private readonly Coder encoder;
    private readonly Coder decoder;
    private readonly Sequential quant_conv_mu;
    private readonly Sequential quant_conv_log_sigma;
    private readonly Sequential post_quant_conv;
    private readonly int _headBlocks;

    public KLAutoencoder(KLOptions options, Device device)
        : base(nameof(KLAutoencoder))
    {
        var layers = new Layers(options, device);
        encoder = Coder.Encoder(options, layers);
        decoder = Coder.Decoder(options, layers);
        quant_conv_mu = layers.Convolution(options.LatentChannels, options.LatentChannels, 1);
        quant_conv_log_sigma = layers.Convolution(options.LatentChannels, options.LatentChannels, 1);
        post_quant_conv = layers.Convolution(options.LatentChannels, options.LatentChannels, 1);
        // the finest level's blocks, the normalisation and the last convolution
        _headBlocks = options.NumResBlocks[0] * (options.AttentionLevels[0] ? 2 : 1) + 2;
        RegisterComponents();
    }

    /// <summary>The decoder's finest level and what follows it.</summary>
    public override IEnumerable<Parameter> Head => decoder.Last(_headBlocks);

    /// <summary>The mean of the latent; nothing is drawn.</summary>
    public override Tensor Encode(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return quant_conv_mu.call(encoder.call(volume)).MoveToOuterDisposeScope();
    }

    public override Tensor Decode(Tensor latent)
    {
        using var scope = NewDisposeScope();
        return decoder.call(post_quant_conv.call(latent)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The reconstruction of a latent that is drawn (arXiv:1312.6114, section 2.4). Loss: <c>kl</c>, the divergence from a standard normal
    /// distribution, summed over the latent and averaged over the batch. Measure: <c>sigma</c>, the mean deviation.
    /// </summary>
    public override CompressorPass TrainingPass(Tensor volume, Generator random)
    {
        using var scope = NewDisposeScope();
        var (mean, logVariance) = Moments(volume);
        var sigma = (logVariance * S(0.5)).exp();
        // drawn on the CPU, so that a run draws the same on every device
        var noise = randn(mean.shape, generator: random).to(mean.device);
        return new CompressorPass
        {
            Reconstruction = Decode(mean + sigma * noise).MoveToOuterDisposeScope(),
            Losses = new Dictionary<string, Tensor> { ["kl"] = Divergence(mean, logVariance).MoveToOuterDisposeScope() },
            Measures = new Dictionary<string, double> { ["sigma"] = sigma.mean().item<float>() },
        };
    }

    /// <summary>Also <c>sigma</c>, the deviation of each voxel of the latent.</summary>
    public override IReadOnlyDictionary<string, Tensor> Roundtrip(Tensor volume)
    {
        using var scope = NewDisposeScope();
        var features = encoder.call(volume);
        var latent = quant_conv_mu.call(features);
        return new Dictionary<string, Tensor>
        {
            ["latent"] = latent.MoveToOuterDisposeScope(),
            ["sigma"] = (LogVariance(features) * S(0.5)).exp().MoveToOuterDisposeScope(),
            ["reconstruction"] = Decode(latent).MoveToOuterDisposeScope(),
        };
    }

    /// <summary><c>½ Σ (μ² + σ² − 1 − log σ²)</c> of each sample, averaged over the batch.</summary>
    private static Tensor Divergence(Tensor mean, Tensor logVariance)
    {
        using var scope = NewDisposeScope();
        var each = mean.square() + logVariance.exp() - logVariance - S(1.0);
        return (each.flatten(1).sum(1) * S(0.5)).mean().MoveToOuterDisposeScope();
    }

    // float32 whatever the convolutions compute in, because the divergence is a sum over some hundred thousand voxels
    private (Tensor Mean, Tensor LogVariance) Moments(Tensor volume)
    {
        var features = encoder.call(volume);
        return (quant_conv_mu.call(features).to_type(ScalarType.Float32), LogVariance(features));
    }

    private Tensor LogVariance(Tensor features) =>
        quant_conv_log_sigma.call(features).to_type(ScalarType.Float32).clamp(S(LeastLogVariance), S(LargestLogVariance));
}

/// <summary>A chain of convolutions, residual blocks and attentions: the encoder or the decoder.</summary>
internal sealed class Coder : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> blocks = new();

    private Coder()
        : base(nameof(Coder))
    {
    }

    /// <summary>Each level refines, and halves unless it is the last.</summary>
    public static Coder Encoder(KLOptions options, Layers layers)
    {
        var coder = new Coder();
        coder.blocks.Add(layers.Convolution(options.InChannels, options.Channels[0], 3));
        for (var level = 0; level < options.Levels; level++)
        {
            coder.AddLevel(options, layers, level, options.Channels[Math.Max(level - 1, 0)]);
            if (level < options.Levels - 1)
                coder.blocks.Add(new Downsample(layers, options.Channels[level]));
        }

        if (options.WithEncoderNonlocalAttn)
            coder.AddMiddle(layers, options.Channels[^1]);
        return coder.End(layers, options.Channels[^1], options.LatentChannels);
    }

    /// <summary>The encoder's mirror: each level refines, and doubles unless it is the finest.</summary>
    public static Coder Decoder(KLOptions options, Layers layers)
    {
        var (coder, last) = (new Coder(), options.Levels - 1);
        coder.blocks.Add(layers.Convolution(options.LatentChannels, options.Channels[last], 3));
        if (options.WithDecoderNonlocalAttn)
            coder.AddMiddle(layers, options.Channels[last]);
        for (var level = last; level >= 0; level--)
        {
            coder.AddLevel(options, layers, level, options.Channels[Math.Min(level + 1, last)]);
            if (level > 0)
                coder.blocks.Add(layers.Double(options.Channels[level]));
        }

        return coder.End(layers, options.Channels[0], options.OutChannels);
    }

    /// <summary>Parameters of the last blocks.</summary>
    public IEnumerable<Parameter> Last(int count) => blocks.TakeLast(count).SelectMany(block => block.parameters());

    public override Tensor forward(Tensor x) => Chain.Run(blocks, x);

    private void AddLevel(KLOptions options, Layers layers, int level, int from)
    {
        var to = options.Channels[level];
        for (var block = 0; block < options.NumResBlocks[level]; block++)
        {
            blocks.Add(new ResBlock(layers, block == 0 ? from : to, to));
            if (options.AttentionLevels[level])
                blocks.Add(new SpatialAttention(layers, to));
        }
    }

    private void AddMiddle(Layers layers, int width)
    {
        blocks.Add(new ResBlock(layers, width, width));
        blocks.Add(new SpatialAttention(layers, width));
        blocks.Add(new ResBlock(layers, width, width));
    }

    // no activation between the two, as in MONAI
    private Coder End(Layers layers, int from, int to)
    {
        blocks.Add(layers.Norm(from));
        blocks.Add(layers.Convolution(from, to, 3));
        RegisterComponents();
        return this;
    }
}

/// <summary>Two normalised convolutions and a skip.</summary>
internal sealed class ResBlock : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm norm1;
    private readonly Sequential conv1;
    private readonly GroupNorm norm2;
    private readonly Sequential conv2;
    private readonly Sequential? nin_shortcut;

    public ResBlock(Layers layers, int from, int to)
        : base(nameof(ResBlock))
    {
        norm1 = layers.Norm(from);
        conv1 = layers.Convolution(from, to, 3);
        norm2 = layers.Norm(to);
        conv2 = layers.Convolution(to, to, 3);
        if (from != to)
            nin_shortcut = layers.Convolution(from, to, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var h = Convolve(conv2, norm2, Convolve(conv1, norm1, x));
        return h.add_(nin_shortcut?.call(x) ?? x).MoveToOuterDisposeScope();
    }

    private static Tensor Convolve(Sequential convolution, GroupNorm norm, Tensor x)
    {
        using var scope = NewDisposeScope();
        return convolution.call(F.silu(norm.call(x))).MoveToOuterDisposeScope();
    }
}

/// <summary>Attention of one head over all voxels, with a skip.</summary>
internal sealed class SpatialAttention : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm norm;
    private readonly TokenAttention attn;

    public SpatialAttention(Layers layers, int channels)
        : base(nameof(SpatialAttention))
    {
        norm = layers.Norm(channels);
        attn = layers.Attention(channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var tokens = norm.call(x).flatten(2).transpose(1, 2);              // [B, N, C]
        var attended = attn.call(tokens).transpose(1, 2).reshape(x.shape); // [B, C, D, H, W]
        return (x + attended).MoveToOuterDisposeScope();
    }
}

/// <summary>Halves D, H and W by a strided convolution that looks over the far end of each axis, and not over the near one.</summary>
internal sealed class Downsample : nn.Module<Tensor, Tensor>
{
    private readonly Sequential conv;

    public Downsample(Layers layers, int channels)
        : base(nameof(Downsample))
    {
        conv = layers.Unpadded(channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return conv.call(F.pad(x, [0, 1, 0, 1, 0, 1])).MoveToOuterDisposeScope();
    }
}

/// <summary>Doubles D, H and W by repetition, then convolves.</summary>
internal sealed class Upsample : nn.Module<Tensor, Tensor>
{
    private readonly Sequential postconv;

    public Upsample(Layers layers, int channels)
        : base(nameof(Upsample))
    {
        postconv = layers.Convolution(channels, channels, 3);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return postconv.call(F.interpolate(x, scale_factor: [2, 2, 2], mode: InterpolationMode.Nearest)).MoveToOuterDisposeScope();
    }
}

/// <summary>The network's layers.</summary>
internal sealed class Layers(KLOptions options, Device device)
{
    /// <summary>A convolution that keeps the size, one level down as MONAI wraps it: <c>conv.weight</c>.</summary>
    public Sequential Convolution(int from, int to, int kernel) =>
        nn.Sequential(("conv", nn.Conv3d(from, to, kernel, padding: kernel / 2, device: device)));

    /// <summary>One of stride 2 that sees no voxel which is not there.</summary>
    public Sequential Unpadded(int channels) => nn.Sequential(("conv", nn.Conv3d(channels, channels, 3, stride: 2, device: device)));

    /// <summary>What doubles the grid between two levels.</summary>
    public nn.Module<Tensor, Tensor> Double(int channels) => options.UseConvtranspose
        ? nn.Sequential(("deconv", nn.ConvTranspose3d(channels, channels, 2, stride: 2, device: device)))
        : new Upsample(this, channels);

    public TokenAttention Attention(int channels) => new(channels, channels, device);

    public GroupNorm Norm(int channels) => Norms.GroupNorm(options.NormNumGroups, channels, options.NormEps, device);
}
