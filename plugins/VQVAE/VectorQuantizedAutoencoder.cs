using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.VQVAE;

// The network from top to bottom. Fields carry MONAI's key names, because TorchSharp takes the keys of a state dict from them.

/// <summary>Encoder, codebook, decoder.</summary>
internal sealed class VectorQuantizedAutoencoder : Compressor
{
    private readonly Coder encoder;
    private readonly Coder decoder;
    private readonly Quantizer quantizer;
    private readonly int _headBlocks;

    public VectorQuantizedAutoencoder(VQVAEOptions options, Device device)
        : base(nameof(VectorQuantizedAutoencoder))
    {
        encoder = Coder.Encoder(options, device);
        decoder = Coder.Decoder(options, device);
        quantizer = new Quantizer(options, device);
        _headBlocks = options.NumResLayers + 1;
        RegisterComponents();
    }

    /// <summary>The decoder's last level: its residual units and the transposed convolution that writes the volume.</summary>
    public override IEnumerable<Parameter> Head => decoder.Last(_headBlocks);

    public override Tensor Encode(Tensor volume) => encoder.call(volume);

    public override Tensor Decode(Tensor latent)
    {
        using var scope = NewDisposeScope();
        return decoder.call(quantizer.Codes(quantizer.Indices(latent))).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The quantised reconstruction, with the decoder's gradient handed to the encoder as it is. In train mode the codebook then follows
    /// the batch; in eval mode nothing changes. Loss: <c>codebook</c>. Measures: <c>perplexity</c>, <c>usage</c>, <c>dead_codes</c>.
    /// </summary>
    public override CompressorPass TrainingPass(Tensor volume, Generator random)
    {
        using var scope = NewDisposeScope();
        var quantised = quantizer.Pass(encoder.call(volume), random);
        return new CompressorPass
        {
            Reconstruction = decoder.call(quantised.Latent).MoveToOuterDisposeScope(),
            Losses = new Dictionary<string, Tensor> { ["codebook"] = quantised.Loss.MoveToOuterDisposeScope() },
            Measures = quantised.Measures,
        };
    }

    /// <summary>Also <c>encoded</c>, which is the latent, and <c>indices</c> <c>[B, d, h, w]</c> into the codebook.</summary>
    public override IReadOnlyDictionary<string, Tensor> Roundtrip(Tensor volume)
    {
        var latent = Encode(volume);
        return new Dictionary<string, Tensor>
        {
            ["latent"] = latent,
            ["encoded"] = latent,
            ["indices"] = quantizer.Indices(latent),
            ["reconstruction"] = Decode(latent),
        };
    }
}

/// <summary>A chain of convolutions and residual units: the encoder or the decoder.</summary>
internal sealed class Coder : nn.Module<Tensor, Tensor>
{
    private readonly ModuleList<nn.Module<Tensor, Tensor>> blocks = new();

    private Coder()
        : base(nameof(Coder))
    {
    }

    /// <summary>Each level halves and then refines; the last convolution maps to the codebook's dimension.</summary>
    public static Coder Encoder(VQVAEOptions options, Device device)
    {
        var coder = new Coder();
        var width = options.InChannels;
        for (var level = 0; level < options.Levels; level++)
        {
            var (p, to) = (options.DownsampleParameters[level], options.Channels[level]);
            coder.blocks.Add(new Convolution(
                nn.Conv3d(width, to, p[1], stride: p[0], padding: p[3], dilation: p[2], device: device), activated: true));
            for (var unit = 0; unit < options.NumResLayers; unit++)
                coder.blocks.Add(new ResidualUnit(to, options.NumResChannels[level], device));
            width = to;
        }

        coder.blocks.Add(new Convolution(nn.Conv3d(width, options.EmbeddingDim, 3, padding: 1, device: device), activated: false));
        coder.RegisterComponents();
        return coder;
    }

    /// <summary>The encoder's mirror: each level refines and then doubles; the last one maps to the output, without activation.</summary>
    public static Coder Decoder(VQVAEOptions options, Device device)
    {
        var coder = new Coder();
        var last = options.Levels - 1;
        coder.blocks.Add(
            new Convolution(nn.Conv3d(options.EmbeddingDim, options.Channels[last], 3, padding: 1, device: device), activated: false));
        for (var level = last; level >= 0; level--)
        {
            var width = options.Channels[level];
            for (var unit = 0; unit < options.NumResLayers; unit++)
                coder.blocks.Add(new ResidualUnit(width, options.NumResChannels[level], device));
            var (p, to) = (options.UpsampleParameters[last - level], level == 0 ? options.OutChannels : options.Channels[level - 1]);
            coder.blocks.Add(new Convolution(
                nn.ConvTranspose3d(width, to, p[1], stride: p[0], padding: p[3], output_padding: p[4], dilation: p[2], device: device),
                activated: level > 0));
        }

        coder.RegisterComponents();
        return coder;
    }

    /// <summary>Parameters of the last blocks.</summary>
    public IEnumerable<Parameter> Last(int count) => blocks.TakeLast(count).SelectMany(block => block.parameters());

    public override Tensor forward(Tensor x) => Chain.Run(blocks, x);
}

/// <summary>A convolution of either kind, one level down as MONAI wraps it: <c>conv.weight</c>.</summary>
internal sealed class Convolution : nn.Module<Tensor, Tensor>
{
    private readonly nn.Module<Tensor, Tensor> conv;
    private readonly bool _activated;

    public Convolution(nn.Module<Tensor, Tensor> convolution, bool activated)
        : base(nameof(Convolution))
    {
        conv = convolution;
        _activated = activated;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        if (!_activated)
            return conv.call(x);
        using var scope = NewDisposeScope();
        return F.relu(conv.call(x)).MoveToOuterDisposeScope();
    }
}

/// <summary><c>ReLU(x + conv2(ReLU(conv1(x))))</c>.</summary>
internal sealed class ResidualUnit : nn.Module<Tensor, Tensor>
{
    private readonly Convolution conv1;
    private readonly Convolution conv2;

    public ResidualUnit(int channels, int inner, Device device)
        : base(nameof(ResidualUnit))
    {
        conv1 = new Convolution(nn.Conv3d(channels, inner, 3, padding: 1, device: device), activated: true);
        conv2 = new Convolution(nn.Conv3d(inner, channels, 3, padding: 1, device: device), activated: false);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        return F.relu(x + conv2.call(conv1.call(x))).MoveToOuterDisposeScope();
    }
}
