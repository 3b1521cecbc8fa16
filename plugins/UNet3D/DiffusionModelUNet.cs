using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.UNet3D;

// The network from top to bottom: UNet, levels, blocks, layers. Fields carry MONAI's key names, because TorchSharp takes the
// keys of a state dict from them. Shapes: B batch, C channels, D×H×W voxels, N = D·H·W tokens, E = 4·channels[0] embedding.

/// <summary>The UNet. Its last convolution starts at zero, so an untrained network predicts exactly 0.</summary>
internal sealed class DiffusionModelUNet : Denoiser
{
    private readonly Sequential conv_in;
    private readonly Sequential time_embed;
    private readonly ModuleList<DownBlock> down_blocks = new();
    private readonly MiddleBlock middle_block;
    private readonly ModuleList<UpBlock> up_blocks = new();
    [ComponentName(Name = "out")]
    private readonly Sequential _out;

    private readonly int _timeChannels;

    public DiffusionModelUNet(UNet3DOptions options, Device device)
        : base(nameof(DiffusionModelUNet))
    {
        var channels = options.Channels;
        var last = options.Levels - 1;
        var layers = new Layers(4 * channels[0], options.NumHeadChannels, options.NormNumGroups, options.NormEps, device);
        _timeChannels = channels[0];

        conv_in = layers.Convolution(options.InChannels!.Value, channels[0], 3);
        time_embed = nn.Sequential(layers.Linear(channels[0], layers.Embedding), nn.SiLU(), layers.Linear(layers.Embedding, layers.Embedding));

        for (var level = 0; level <= last; level++)
            down_blocks.Add(new DownBlock(
                layers, channels[Math.Max(level - 1, 0)], channels[level], options.NumResBlocks[level], options.AttentionLevels[level], halve: level < last));

        middle_block = new MiddleBlock(layers, channels[last]);

        for (var level = last; level >= 0; level--)
            up_blocks.Add(new UpBlock(
                layers, channels[Math.Min(level + 1, last)], channels[level], channels[Math.Max(level - 1, 0)],
                options.NumResBlocks[level] + 1, options.AttentionLevels[level], twice: level > 0));

        _out = nn.Sequential(layers.Norm(channels[0]), nn.SiLU(), layers.Convolution(channels[0], options.OutChannels!.Value, 3, zero: true));
        RegisterComponents();
    }

    public override int EmbeddingSize => 4 * _timeChannels;

    public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var embedding = conditioning.Modulate(time_embed.call(TimeEmbedding.Sinusoidal(timesteps, _timeChannels)));     // [B, E]
        var h = conv_in.call(conditioning.Concatenate(sample));                                           // [B, channels[0], D, H, W]

        var skips = new Stack<Tensor>([h]);
        foreach (var block in down_blocks)
            h = block.Forward(h, embedding, skips);
        h = middle_block.call(h, embedding);
        foreach (var block in up_blocks)
            h = block.Forward(h, embedding, skips);
        return _out.call(h).MoveToOuterDisposeScope();                                                     // [B, out, D, H, W]
    }
}

// ---------------------------------------------------------------------------------------------------------------- levels

/// <summary>One level of the way down. Every output is kept for the way up.</summary>
internal sealed class DownBlock : nn.Module
{
    private readonly ModuleList<SpatialAttention> attentions = new();
    private readonly ModuleList<ResBlock> resnets = new();
    private readonly Downsample? downsampler;

    public DownBlock(Layers layers, int from, int to, int blocks, bool attention, bool halve)
        : base(nameof(DownBlock))
    {
        for (var block = 0; block < blocks; block++)
        {
            resnets.Add(new ResBlock(layers, block == 0 ? from : to, to));
            if (attention)
                attentions.Add(new SpatialAttention(layers, to));
        }

        if (halve)
            downsampler = new Downsample(layers, to);
        RegisterComponents();
    }

    public Tensor Forward(Tensor h, Tensor embedding, Stack<Tensor> skips)
    {
        for (var block = 0; block < resnets.Count; block++)
        {
            h = resnets[block].call(h, embedding);
            if (attentions.Count > 0)
                h = attentions[block].call(h);
            skips.Push(h);
        }

        if (downsampler is not null)
            skips.Push(h = downsampler.call(h));
        return h;
    }
}

/// <summary>The coarsest level's middle: residual block, attention, residual block.</summary>
internal sealed class MiddleBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly ResBlock resnet_1;
    private readonly SpatialAttention attention;
    private readonly ResBlock resnet_2;

    public MiddleBlock(Layers layers, int channels)
        : base(nameof(MiddleBlock))
    {
        resnet_1 = new ResBlock(layers, channels, channels);
        attention = new SpatialAttention(layers, channels);
        resnet_2 = new ResBlock(layers, channels, channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor h, Tensor embedding)
    {
        using var scope = NewDisposeScope();
        return resnet_2.call(attention.call(resnet_1.call(h, embedding)), embedding).MoveToOuterDisposeScope();
    }
}

/// <summary>One level of the way up. Each residual block also sees one kept output of the way down, last first.</summary>
internal sealed class UpBlock : nn.Module
{
    private readonly ModuleList<ResBlock> resnets = new();
    private readonly ModuleList<SpatialAttention> attentions = new();
    private readonly Upsample? upsampler;

    public UpBlock(Layers layers, int from, int to, int next, int blocks, bool attention, bool twice)
        : base(nameof(UpBlock))
    {
        for (var block = 0; block < blocks; block++)
        {
            var skip = block == blocks - 1 ? next : to;
            resnets.Add(new ResBlock(layers, (block == 0 ? from : to) + skip, to));
            if (attention)
                attentions.Add(new SpatialAttention(layers, to));
        }

        if (twice)
            upsampler = new Upsample(layers, to);
        RegisterComponents();
    }

    public Tensor Forward(Tensor h, Tensor embedding, Stack<Tensor> skips)
    {
        using var scope = NewDisposeScope();
        for (var block = 0; block < resnets.Count; block++)
        {
            using var joined = Join(h, skips.Pop());
            h = resnets[block].call(joined, embedding);
            if (attentions.Count > 0)
                h = attentions[block].call(h);
        }

        return (upsampler?.call(h) ?? h).MoveToOuterDisposeScope();
    }

    // what the backward pass needs, autograd holds; without one, this frees the largest tensors as soon as they were used
    private static Tensor Join(Tensor h, Tensor skip)
    {
        using (h)
        using (skip)
            return cat([h, skip], 1);
    }
}

// ---------------------------------------------------------------------------------------------------------------- blocks

/// <summary>Two normalised convolutions with the time embedding added between them, and a skip. Starts as the skip alone.</summary>
internal sealed class ResBlock : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly GroupNorm norm1;
    private readonly Sequential conv1;
    private readonly Linear time_emb_proj;
    private readonly GroupNorm norm2;
    private readonly Sequential conv2;
    private readonly Sequential? skip_connection;

    public ResBlock(Layers layers, int from, int to)
        : base(nameof(ResBlock))
    {
        norm1 = layers.Norm(from);
        conv1 = layers.Convolution(from, to, 3);
        time_emb_proj = layers.Linear(layers.Embedding, to);
        norm2 = layers.Norm(to);
        conv2 = layers.Convolution(to, to, 3, zero: true);
        if (from != to)
            skip_connection = layers.Convolution(from, to, 1);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor embedding)
    {
        using var scope = NewDisposeScope();
        var time = time_emb_proj.call(F.silu(embedding));                  // [B, to]
        var h = conv1.call(F.silu(norm1.call(x)));
        h = h.add_(time.view(time.shape[0], time.shape[1], 1, 1, 1));
        h = conv2.call(F.silu(norm2.call(h)));
        return h.add_(skip_connection?.call(x) ?? x).MoveToOuterDisposeScope();
    }
}

/// <summary>Self-attention over all voxels of a level, with a skip.</summary>
internal sealed class SpatialAttention : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm norm;
    private readonly Attention attn;

    public SpatialAttention(Layers layers, int channels)
        : base(nameof(SpatialAttention))
    {
        norm = layers.Norm(channels);
        attn = new Attention(layers, channels);
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

/// <summary>Multi-head self-attention of tokens <c>[B, N, C]</c>.</summary>
internal sealed class Attention : nn.Module<Tensor, Tensor>
{
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly Linear out_proj;
    private readonly int _headChannels;

    public Attention(Layers layers, int channels)
        : base(nameof(Attention))
    {
        to_q = layers.Linear(channels, channels);
        to_k = layers.Linear(channels, channels);
        to_v = layers.Linear(channels, channels);
        out_proj = layers.Linear(channels, channels);
        _headChannels = layers.HeadChannels;
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens)
    {
        var attended = F.scaled_dot_product_attention(Heads(to_q), Heads(to_k), Heads(to_v)); // [B, heads, N, C / heads]
        return out_proj.call(attended.transpose(1, 2).flatten(2));                             // [B, N, C]

        Tensor Heads(Linear projection) => projection.call(tokens).unflatten(2, -1, _headChannels).transpose(1, 2);
    }
}

/// <summary>Halves D, H and W by a strided convolution.</summary>
internal sealed class Downsample : nn.Module<Tensor, Tensor>
{
    private readonly Sequential op;

    public Downsample(Layers layers, int channels)
        : base(nameof(Downsample))
    {
        op = layers.Convolution(channels, channels, 3, stride: 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => op.call(x);
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
        var large = F.interpolate(x, scale_factor: [2, 2, 2], mode: InterpolationMode.Nearest);
        return postconv.call(large).MoveToOuterDisposeScope();
    }
}

// ---------------------------------------------------------------------------------------------------------------- layers

/// <summary>What all layers of one network share.</summary>
internal sealed record Layers(int Embedding, int HeadChannels, int Groups, double Eps, Device Device)
{
    /// <summary>A convolution that keeps the size (or divides it by the stride), one level down as MONAI wraps it: <c>conv.weight</c>.</summary>
    public Sequential Convolution(int from, int to, int kernel, int stride = 1, bool zero = false)
    {
        var conv = nn.Conv3d(from, to, kernel, stride, padding: kernel / 2, device: Device);
        if (zero)
        {
            nn.init.zeros_(conv.weight);
            nn.init.zeros_(conv.bias!);
        }

        return nn.Sequential(("conv", conv));
    }

    public Linear Linear(int from, int to) => nn.Linear(from, to, device: Device);

    public GroupNorm Norm(int channels) => Norms.GroupNorm(Groups, channels, Eps, Device);
}
