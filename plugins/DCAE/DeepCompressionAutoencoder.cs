using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Convolutions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.DCAE;

// The network from top to bottom: autoencoder, encoder and decoder, blocks, layers. Fields carry the names of the keys, because TorchSharp
// takes those of a state dict from them. Below the autoencoder, an activation is [B, C, D, H, W] in three dimensions and
// [N, C, H, W], N slices, in two.

/// <summary>Encoder and decoder, of volumes or of slices.</summary>
internal sealed class DeepCompressionAutoencoder : Compressor
{
    private readonly Encoder encoder;
    private readonly Decoder decoder;
    private readonly Layout _layout;

    public DeepCompressionAutoencoder(Layout layout, Device device)
        : base(nameof(DeepCompressionAutoencoder))
    {
        var layers = new Layers(layout.Options.Dimensions, device);
        encoder = new Encoder(layers, layout);
        decoder = new Decoder(layers, layout);
        _layout = layout;
        RegisterComponents();
    }

    /// <summary>The decoder's finest stage and what follows it: texture is made there, and the latent's meaning is not.</summary>
    public override IEnumerable<Parameter> Head => decoder.Head;

    public override IReadOnlyList<int> LatentPrefixes => _layout.Prefixes;

    public override Tensor Encode(Tensor volume) => Encode(volume, _layout.Options.LatentChannels);

    /// <summary>Also takes the first channels of a structured latent, for which the others are then zero.</summary>
    public override Tensor Decode(Tensor latent)
    {
        using var scope = NewDisposeScope();
        var channels = (int)latent.shape[1];
        if (channels != _layout.Options.LatentChannels && !_layout.Prefixes.Contains(channels))
            throw new ArgumentException(
                $"the latent has {channels} channels, "
                + $"expected {string.Join(" or ", _layout.Prefixes.DefaultIfEmpty(_layout.Options.LatentChannels))}",
                nameof(latent));
        var scale = _layout.Options.ScalingFactor;
        return Map(scale == 1 ? latent : latent / S(scale), decoder.call, 1 << (_layout.Stages - 1)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// With structured latents, through a number of first channels that is drawn for the whole batch; the weights of the other channels
    /// take part in nothing, so they get no gradient but zero.
    /// </summary>
    public override CompressorPass TrainingPass(Tensor volume, Generator random)
    {
        if (_layout.Prefixes.Count == 0)
            return base.TrainingPass(volume, random);
        using var scope = NewDisposeScope();
        var channels = _layout.Prefixes[(int)randint(_layout.Prefixes.Count, [1], generator: random).item<long>()];
        return new()
        {
            Reconstruction = Decode(Encode(volume, channels)).MoveToOuterDisposeScope(),
            Measures = new Dictionary<string, double> { ["latent_channels"] = channels },
        };
    }

    private Tensor Encode(Tensor volume, int channels)
    {
        using var scope = NewDisposeScope();
        _layout.Latent(VolumeShape.Of(volume)); // refuses what would not divide
        var latent = Map(volume, x => encoder.Forward(x, channels), 1);
        var scale = _layout.Options.ScalingFactor;
        return (scale == 1 ? latent : latent * S(scale)).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Through a network of volumes as it is; through one of slices in pieces that memory can take, or as one
    /// where autograd keeps all anyway.
    /// </summary>
    private Tensor Map(Tensor x, Func<Tensor, Tensor> network, int reduction)
    {
        if (!_layout.SliceWise)
            return network(x);
        using var scope = NewDisposeScope();
        var (batch, depth) = (x.shape[0], x.shape[2]);
        var slices = x.transpose(1, 2).flatten(0, 1);                                            // [B·D, C, H, W]
        var atOnce = is_grad_enabled() ? batch * depth : _layout.SlicesAtOnce(x.shape[3] * reduction, x.shape[4] * reduction);
        var mapped = cat([.. slices.split(atOnce).Select(network)]);                             // [B·D, c, h, w]
        return mapped.unflatten(0, [batch, depth]).transpose(1, 2).contiguous().MoveToOuterDisposeScope();
    }
}

// ---------------------------------------------------------------------------------------------------- encoder and decoder

/// <summary>Stages from fine to coarse, each after the first behind a <see cref="DownBlock"/>.</summary>
internal sealed class Encoder : nn.Module
{
    private readonly Convolution conv_in;
    private readonly ModuleList<ModuleList<ResBlock>> stages = new();
    private readonly ModuleList<DownBlock> down_blocks = new();
    private readonly Convolution conv_out;
    private readonly bool _shortcut;

    public Encoder(Layers layers, Layout layout)
        : base(nameof(Encoder))
    {
        var (options, widths) = (layout.Options, layout.Options.EncoderBlockOutChannels);
        conv_in = layers.Convolution(options.InChannels, widths[0]);
        for (var stage = 0; stage < layout.Stages; stage++)
        {
            if (stage > 0)
                down_blocks.Add(new DownBlock(layers, widths[stage - 1], widths[stage], layout.DepthFactors[stage - 1]));
            stages.Add(layers.Stage(widths[stage], options.EncoderLayersPerBlock[stage]));
        }

        conv_out = layers.Convolution(widths[^1], options.LatentChannels);
        _shortcut = options.EncoderOutShortcut;
        RegisterComponents();
    }

    /// <summary>The first <paramref name="channels"/> channels of the latent, computed with those of the weights alone.</summary>
    public Tensor Forward(Tensor volume, int channels)
    {
        using var scope = NewDisposeScope();
        var h = conv_in.call(volume);
        for (var stage = 0; stage < stages.Count; stage++)
        {
            if (stage > 0)
                h = h.Through(down_blocks[stage - 1].call);
            foreach (var block in stages[stage])
                h = h.Through(block.call);
        }

        var latent = conv_out.Convolve(h, conv_out.weight.narrow(0, 0, channels), conv_out.bias!.narrow(0, 0, channels));
        if (_shortcut)
            latent.add_(Channels.Mean(h, conv_out.out_channels).narrow(1, 0, channels));
        return latent.MoveToOuterDisposeScope();
    }
}

/// <summary>Stages from coarse to fine, each after the first behind an <see cref="UpBlock"/>.</summary>
internal sealed class Decoder : nn.Module<Tensor, Tensor>
{
    private readonly Convolution conv_in;
    private readonly ModuleList<ModuleList<ResBlock>> stages = new();
    private readonly ModuleList<UpBlock> up_blocks = new();
    private readonly RmsNorm norm_out;
    private readonly Convolution conv_out;
    private readonly bool _shortcut;

    public Decoder(Layers layers, Layout layout)
        : base(nameof(Decoder))
    {
        var (options, widths) = (layout.Options, layout.Options.DecoderBlockOutChannels);
        conv_in = layers.Convolution(options.LatentChannels, widths[^1]);
        for (var stage = layout.Stages - 1; stage >= 0; stage--)
        {
            if (stage < layout.Stages - 1)
                up_blocks.Add(new UpBlock(layers, widths[stage + 1], widths[stage], layout.DepthFactors[stage]));
            stages.Add(layers.Stage(widths[stage], options.DecoderLayersPerBlock[stage]));
        }

        norm_out = layers.Norm(widths[0]);
        conv_out = layers.Convolution(widths[0], options.InChannels);
        _shortcut = options.DecoderInShortcut;
        RegisterComponents();
    }

    public IEnumerable<Parameter> Head => new nn.Module[] { stages[^1], norm_out, conv_out }.SelectMany(module => module.parameters());

    /// <summary>Decodes as many first channels of a latent as there are; those that are missing count as zero.</summary>
    public override Tensor forward(Tensor latent)
    {
        using var scope = NewDisposeScope();
        var channels = latent.shape[1];
        var h = conv_in.Convolve(latent, conv_in.weight.narrow(1, 0, channels), conv_in.bias);
        if (_shortcut)
        {
            var repeats = conv_in.out_channels / conv_in.in_channels;
            h.narrow(1, 0, channels * repeats).add_(Channels.Repeat(latent, channels * repeats));
        }

        for (var stage = 0; stage < stages.Count; stage++)
        {
            if (stage > 0)
                h = h.Through(up_blocks[stage - 1].call);
            foreach (var block in stages[stage])
                h = h.Through(block.call);
        }

        // the published network of slices rectifies here; that of volumes uses SiLU as everywhere else
        return h.Through(norm_out.call).Through(x => x.dim() == 4 ? F.relu(x) : F.silu(x)).Through(conv_out.call).MoveToOuterDisposeScope();
    }
}

// ---------------------------------------------------------------------------------------------------------------- blocks

/// <summary><c>x + norm(conv2(SiLU(conv1(x))))</c>.</summary>
internal sealed class ResBlock : nn.Module<Tensor, Tensor>
{
    private readonly Convolution conv1;
    private readonly Convolution conv2;
    private readonly RmsNorm norm;

    public ResBlock(Layers layers, int channels)
        : base(nameof(ResBlock))
    {
        conv1 = layers.Convolution(channels, channels);
        conv2 = layers.Convolution(channels, channels, bias: false);
        norm = layers.Norm(channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var h = conv1.call(x).Through(y => F.silu(y)).Through(conv2.call).Through(norm.call);
        return h.add_(x).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// Halves H and W and divides D: blocks of voxels become channels of what a convolution made, and of the input itself, whose groups of
/// channels are averaged to the same number.
/// </summary>
internal sealed class DownBlock : nn.Module<Tensor, Tensor>
{
    private readonly Convolution conv;
    private readonly int _channels;
    private readonly int _depth;

    public DownBlock(Layers layers, int from, int to, int depth)
        : base(nameof(DownBlock))
    {
        (_channels, _depth) = (to, depth);
        conv = layers.Convolution(from, to / (4 * depth));
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var shortcut = Blocks.ToChannels(x, _depth).Through(blocks => Channels.Mean(blocks, _channels));
        return conv.call(x).Through(h => Blocks.ToChannels(h, _depth)).add_(shortcut).MoveToOuterDisposeScope();
    }
}

/// <summary>
/// The reverse of <see cref="DownBlock"/>: channels become blocks of voxels; the input's are repeated to the same number.
/// </summary>
internal sealed class UpBlock : nn.Module<Tensor, Tensor>
{
    private readonly Convolution conv;
    private readonly int _depth;

    public UpBlock(Layers layers, int from, int to, int depth)
        : base(nameof(UpBlock))
    {
        _depth = depth;
        conv = layers.Convolution(from, to * 4 * depth);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var shortcut = Channels.Repeat(x, conv.out_channels).Through(channels => Blocks.FromChannels(channels, _depth));
        return conv.call(x).Through(h => Blocks.FromChannels(h, _depth)).add_(shortcut).MoveToOuterDisposeScope();
    }
}

// ---------------------------------------------------------------------------------------------------------------- layers

/// <summary>What all layers of one network share.</summary>
internal sealed record Layers(int Dimensions, Device Device)
{
    /// <summary>A convolution of 3 voxels an axis that keeps the size.</summary>
    public Convolution Convolution(int from, int to, bool bias = true) => Dimensions == 2
        ? nn.Conv2d(from, to, 3, padding: 1, bias: bias, device: Device)
        : nn.Conv3d(from, to, 3, padding: 1, bias: bias, device: Device);

    public RmsNorm Norm(int channels) => new(channels, bias: true, device: Device);

    public ModuleList<ResBlock> Stage(int channels, int blocks) =>
        new([.. Enumerable.Range(0, blocks).Select(_ => new ResBlock(this, channels))]);
}

/// <summary>Rearrangements of blocks of depth × 2 × 2 voxels; of 2 × 2 where there is no depth.</summary>
internal static class Blocks
{
    /// <summary>
    /// <c>[B, C, D, H, W]</c> to <c>[B, C·4·depth, D/depth, H/2, W/2]</c>: voxel (d, h, w) of a block of channel c becomes channel
    /// <c>c·4·depth + 4d + 2h + w</c>.
    /// </summary>
    public static Tensor ToChannels(Tensor x, int depth) =>
        x.dim() == 4 ? F.pixel_unshuffle(x, 2) : VoxelBlocks.ToChannels(x, depth, 2, 2);

    /// <summary>The inverse of <see cref="ToChannels"/>.</summary>
    public static Tensor FromChannels(Tensor x, int depth) =>
        x.dim() == 4 ? F.pixel_shuffle(x, 2) : VoxelBlocks.ToVoxels(x, depth, 2, 2);
}

/// <summary>Fewer or more channels without weights.</summary>
internal static class Channels
{
    /// <summary>The mean of each group of consecutive channels, so that <paramref name="to"/> remain.</summary>
    public static Tensor Mean(Tensor x, long to)
    {
        using var scope = NewDisposeScope();
        return x.unflatten(1, [to, x.shape[1] / to]).mean([2]).MoveToOuterDisposeScope();
    }

    /// <summary>Each channel several times in succession, so that there are <paramref name="to"/>.</summary>
    public static Tensor Repeat(Tensor x, long to) => x.repeat_interleave(to / x.shape[1], 1);
}

internal static class Activation
{
    /// <summary>
    /// Applies a layer to an activation that nothing else reads. What the backward pass needs, autograd holds; without one, this frees each
    /// activation as soon as it was used.
    /// </summary>
    public static Tensor Through(this Tensor activation, Func<Tensor, Tensor> layer)
    {
        using (activation)
            return layer(activation);
    }

    /// <summary>The convolution with other weights of its kernel's size.</summary>
    public static Tensor Convolve(this Convolution convolution, Tensor x, Tensor weight, Tensor? bias) =>
        Bfloat16Convolutions.Convolve(x, weight, bias, padding: convolution.padding);
}
