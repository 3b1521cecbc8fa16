using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.UNet3D;

// The network from top to bottom: UNet, encoder, levels, blocks, layers. Fields carry MONAI's key names, because TorchSharp takes the
// keys of a state dict from them. Shapes: B batch, C channels, D×H×W voxels, N = D·H·W tokens, E = 4·channels[0] embedding.
//
// Beside what it computes, each of them says what autograd keeps of it for one sample, by the operations' backward formulas: a
// convolution, a linear layer, a group normalisation and a SiLU keep their input, attention keeps q, k, v and its output; additions,
// concatenations and nearest upsampling keep nothing. Statistics and time embeddings are too small to matter; allocator overhead and
// convolution workspaces come on top.

/// <summary>The UNet. Its last convolution starts at zero, so an untrained network predicts exactly 0.</summary>
internal sealed class DiffusionModelUNet : Denoiser, IFeatureExtractor
{
    private readonly Sequential conv_in;
    private readonly Sequential time_embed;
    private readonly ModuleList<DownBlock> down_blocks;
    private readonly MiddleBlock middle_block;
    private readonly ModuleList<UpBlock> up_blocks = new();
    [ComponentName(Name = "out")]
    private readonly Sequential _out;

    private readonly Encoder _encoder;

    public DiffusionModelUNet(UNet3DOptions options, PartContext context)
        : base(nameof(DiffusionModelUNet))
    {
        var channels = options.Channels;
        var last = options.Levels - 1;
        var layers = new Layers(options, context);
        _encoder = new Encoder(layers, options);
        (conv_in, time_embed, down_blocks, middle_block) = (_encoder.ConvIn, _encoder.TimeEmbed, _encoder.DownBlocks, _encoder.MiddleBlock);

        for (var level = last; level >= 0; level--)
            up_blocks.Add(new UpBlock(
                layers, channels[Math.Min(level + 1, last)], channels[level], channels[Math.Max(level - 1, 0)],
                options.NumResBlocks[level] + 1, options.AttentionLevels[level], twice: level > 0));

        _out = nn.Sequential(
            layers.Norm(channels[0]), nn.SiLU(), layers.Convolution(channels[0], options.OutChannels!.Value, 3, zero: true));
        FeatureChannels = channels[last];
        RegisterComponents();
    }

    public override int EmbeddingSize => _encoder.EmbeddingSize;

    public int FeatureChannels { get; }

    // what the way up starts from
    public Tensor Features(Tensor sample, Tensor timesteps, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var (h, skips, _) = _encoder.Forward(sample, timesteps, conditioning);
        return (conditioning.Residuals is { } residuals ? Steer(h, skips, residuals) : h).MoveToOuterDisposeScope(); // [B, F, d, h, w]
    }

    public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var (h, skips, embedding) = _encoder.Forward(sample, timesteps, conditioning);
        if (conditioning.Residuals is { } residuals)
            h = Steer(h, skips, residuals);
        foreach (var block in up_blocks)
            h = block.Forward(h, embedding, skips);
        return _out.call(h).MoveToOuterDisposeScope();                                                     // [B, out, D, H, W]
    }

    /// <summary>What autograd keeps of a forward pass.</summary>
    /// <param name="input">The sample with its image condition.</param>
    public SavedElements Saved(VolumeShape input)
    {
        var h = input;
        var skips = new Stack<VolumeShape>();
        var saved = _encoder.Saved(ref h, skips);
        foreach (var block in up_blocks)
            saved += block.Saved(ref h, skips);
        return saved + SavedElements.OfLayer(3 * h.Elements); // inputs of norm, SiLU and convolution
    }

    // a control branch's tensors: one for each kept output of the way down, in its order, and the middle's last
    private static Tensor Steer(Tensor middle, Stack<Tensor> skips, IReadOnlyList<Tensor> residuals)
    {
        if (residuals.Count != skips.Count + 1)
            throw new ArgumentException(
                $"the UNet adds {skips.Count + 1} residuals, one for each skip and the middle's, but {residuals.Count} were given; "
                + "take them from a control branch of this network's options", nameof(residuals));

        var kept = skips.ToArray(); // last first
        skips.Clear();
        for (var index = 0; index < kept.Length; index++)
            skips.Push(Add(kept[^(index + 1)], residuals[index]));
        return Add(middle, residuals[^1]);

        // what the backward pass needs, autograd holds
        static Tensor Add(Tensor own, Tensor residual)
        {
            using (own)
                return own.shape.SequenceEqual(residual.shape)
                    ? own + residual
                    : throw new ArgumentException(
                        $"a residual of [{string.Join(", ", residual.shape)}] was given for one of [{string.Join(", ", own.shape)}]",
                        nameof(residuals));
        }
    }
}

// --------------------------------------------------------------------------------------------------------------- encoder

/// <summary>
/// The way down and the middle, which a <see cref="ControlNet"/> has a copy of. Not a module: both networks hold the layers in fields of
/// their own, so that the keys have no prefix.
/// </summary>
internal sealed class Encoder
{
    private readonly int _timeChannels;

    public Encoder(Layers layers, UNet3DOptions options)
    {
        var channels = options.Channels;
        var last = options.Levels - 1;
        _timeChannels = channels[0];

        ConvIn = layers.Convolution(options.InChannels!.Value, channels[0], 3);
        TimeEmbed = nn.Sequential(
            layers.Linear(channels[0], layers.Embedding), nn.SiLU(), layers.Linear(layers.Embedding, layers.Embedding));
        for (var level = 0; level <= last; level++)
            DownBlocks.Add(new DownBlock(
                layers,
                channels[Math.Max(level - 1, 0)],
                channels[level],
                options.NumResBlocks[level],
                options.AttentionLevels[level],
                halve: level < last));
        MiddleBlock = new MiddleBlock(layers, channels[last]);
    }

    public Sequential ConvIn { get; }

    public Sequential TimeEmbed { get; }

    public ModuleList<DownBlock> DownBlocks { get; } = new();

    public MiddleBlock MiddleBlock { get; }

    public int EmbeddingSize => 4 * _timeChannels;

    /// <summary>Runs down to the middle. The results are in the current dispose scope.</summary>
    /// <param name="sample">The noisy sample <c>[B, C, D, H, W]</c>.</param>
    /// <param name="timesteps">The timesteps <c>[B]</c>.</param>
    /// <param name="conditioning">Image, scale and shift.</param>
    /// <param name="steering">What is added to the first convolution's output, <c>[B, channels[0], D, H, W]</c>, or null.</param>
    /// <returns>The middle's output, every output of the way down with the last on top, and the time embedding <c>[B, E]</c>.</returns>
    public (Tensor Middle, Stack<Tensor> Skips, Tensor Embedding) Forward(
        Tensor sample,
        Tensor timesteps,
        Conditioning conditioning,
        Tensor? steering = null)
    {
        var embedding = conditioning.Modulate(TimeEmbed.call(TimeEmbedding.Sinusoidal(timesteps, _timeChannels)));
        var h = ConvIn.call(conditioning.Concatenate(sample));             // [B, channels[0], D, H, W]
        if (steering is not null)
            h = h.add_(steering);

        var skips = new Stack<Tensor>([h]);
        foreach (var block in DownBlocks)
            h = block.Forward(h, embedding, skips);
        return (MiddleBlock.call(h, embedding), skips, embedding);
    }

    /// <summary>What autograd keeps of it.</summary>
    /// <param name="h">The sample with its image condition, which becomes the middle's output.</param>
    /// <param name="skips">Takes every output of the way down.</param>
    public SavedElements Saved(ref VolumeShape h, Stack<VolumeShape> skips)
    {
        var saved = SavedElements.OfLayer(h.Elements);
        skips.Push(h = h with { Channels = _timeChannels });
        foreach (var block in DownBlocks)
            saved += block.Saved(ref h, skips);
        return saved + MiddleBlock.Saved(h);
    }
}

// ---------------------------------------------------------------------------------------------------------------- levels

/// <summary>One level of the way down. Every output is kept for the way up.</summary>
internal sealed class DownBlock : nn.Module
{
    private readonly ModuleList<SpatialAttention> attentions = new();
    private readonly ModuleList<ResBlock> resnets = new();
    private readonly TimedBlock? downsampler;

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
            downsampler = layers.Halve(to);
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
            skips.Push(h = downsampler.call(h, embedding));
        return h;
    }

    public SavedElements Saved(ref VolumeShape h, Stack<VolumeShape> skips)
    {
        var saved = default(SavedElements);
        for (var block = 0; block < resnets.Count; block++)
        {
            saved += resnets[block].Saved(ref h);
            if (attentions.Count > 0)
                saved += attentions[block].Saved(h);
            skips.Push(h);
        }

        if (downsampler is not null)
        {
            saved += downsampler.Saved(ref h);
            skips.Push(h);
        }

        return saved;
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

    public SavedElements Saved(VolumeShape h) => resnet_1.Saved(ref h) + attention.Saved(h) + resnet_2.Saved(ref h);
}

/// <summary>One level of the way up. Each residual block also sees one kept output of the way down, last first.</summary>
internal sealed class UpBlock : nn.Module
{
    private readonly ModuleList<ResBlock> resnets = new();
    private readonly ModuleList<SpatialAttention> attentions = new();
    private readonly TimedBlock? upsampler;

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
            upsampler = layers.Double(to);
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

        return (upsampler?.call(h, embedding) ?? h).MoveToOuterDisposeScope();
    }

    public SavedElements Saved(ref VolumeShape h, Stack<VolumeShape> skips)
    {
        var saved = default(SavedElements);
        for (var block = 0; block < resnets.Count; block++)
        {
            h = h with { Channels = h.Channels + skips.Pop().Channels };
            saved += resnets[block].Saved(ref h);
            if (attentions.Count > 0)
                saved += attentions[block].Saved(h);
        }

        return upsampler is null ? saved : saved + upsampler.Saved(ref h);
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

/// <summary>A block that takes the time embedding, whether or not it has a use for it.</summary>
internal abstract class TimedBlock(string name) : nn.Module<Tensor, Tensor, Tensor>(name)
{
    /// <summary>What autograd keeps of a pass over <paramref name="h"/>, which becomes the output's shape.</summary>
    public abstract SavedElements Saved(ref VolumeShape h);
}

/// <summary>
/// Two normalised convolutions with the time embedding added between them, and a skip. Starts as the skip alone. Where the block changes
/// the grid's size, both ways are resampled, the first after its norm and activation.
/// </summary>
internal sealed class ResBlock : TimedBlock
{
    private readonly GroupNorm norm1;
    private readonly Sequential conv1;
    private readonly Linear time_emb_proj;
    private readonly GroupNorm norm2;
    private readonly Sequential conv2;
    private readonly Sequential? skip_connection;
    private readonly nn.Module<Tensor, Tensor>? resample;

    private readonly int _width;
    private readonly bool _checkpointing;

    // a resampler has no parameters; null keeps the size
    public ResBlock(Layers layers, int from, int to, nn.Module<Tensor, Tensor>? resampler = null)
        : base(nameof(ResBlock))
    {
        (_width, _checkpointing) = (to, layers.Checkpointing);
        norm1 = layers.Norm(from);
        conv1 = layers.Convolution(from, to, 3);
        time_emb_proj = layers.Linear(layers.Embedding, to);
        norm2 = layers.Norm(to);
        conv2 = layers.Convolution(to, to, 3, zero: true);
        if (from != to)
            skip_connection = layers.Convolution(from, to, 1);
        resample = resampler;
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor embedding) =>
        GradientCheckpoint.RunIf(_checkpointing, this, inputs => Compute(inputs[0], inputs[1]), x, embedding);

    private Tensor Compute(Tensor x, Tensor embedding)
    {
        using var scope = NewDisposeScope();
        var time = time_emb_proj.call(F.silu(embedding));                  // [B, to]
        var h = F.silu(norm1.call(x));
        if (resample is not null)
            (x, h) = (resample.call(x), resample.call(h));
        h = conv1.call(h).add_(time.view(time.shape[0], time.shape[1], 1, 1, 1));
        h = conv2.call(F.silu(norm2.call(h)));
        return h.add_(skip_connection?.call(x) ?? x).MoveToOuterDisposeScope();
    }

    // inputs of norm, SiLU, where there is one pooling, and convolution; the skip's convolution shares the first or sees what lies on the
    // same grid. Then those of the second norm, SiLU and convolution
    public override SavedElements Saved(ref VolumeShape h)
    {
        var input = h.Elements;
        var resampled = resample switch { null => h, AvgPool3d => h.Coarser(2), _ => h.Finer(2) };
        h = resampled with { Channels = _width };
        return SavedElements.OfBlock(input, (resample is AvgPool3d ? 3 : 2) * input + resampled.Elements + 3 * h.Elements);
    }
}

/// <summary>Self-attention over all voxels of a level, with a skip.</summary>
internal sealed class SpatialAttention : nn.Module<Tensor, Tensor>
{
    private readonly GroupNorm norm;
    private readonly TokenAttention attn;

    private readonly bool _checkpointing;

    public SpatialAttention(Layers layers, int channels)
        : base(nameof(SpatialAttention))
    {
        _checkpointing = layers.Checkpointing;
        norm = layers.Norm(channels);
        attn = layers.Attention(channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => GradientCheckpoint.RunIf(_checkpointing, this, inputs => Compute(inputs[0]), x);

    private Tensor Compute(Tensor x)
    {
        using var scope = NewDisposeScope();
        var tokens = norm.call(x).flatten(2).transpose(1, 2);              // [B, N, C]
        var attended = attn.call(tokens).transpose(1, 2).reshape(x.shape); // [B, C, D, H, W]
        return (x + attended).MoveToOuterDisposeScope();
    }

    // the input of the norm besides
    public SavedElements Saved(VolumeShape h) => SavedElements.OfBlock(h.Elements, h.Elements + TokenAttention.Saved(h.Elements));
}

/// <summary>Halves D, H and W by a strided convolution.</summary>
internal sealed class Downsample : TimedBlock
{
    private readonly Sequential op;

    public Downsample(Layers layers, int channels)
        : base(nameof(Downsample))
    {
        op = layers.Convolution(channels, channels, 3, stride: 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor embedding) => op.call(x);

    public override SavedElements Saved(ref VolumeShape h)
    {
        var input = h.Elements;
        h = h.Coarser(2);
        return SavedElements.OfLayer(input);
    }
}

/// <summary>Doubles D, H and W by repetition, then convolves.</summary>
internal sealed class Upsample : TimedBlock
{
    private readonly Sequential postconv;

    public Upsample(Layers layers, int channels)
        : base(nameof(Upsample))
    {
        postconv = layers.Convolution(channels, channels, 3);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor embedding)
    {
        using var scope = NewDisposeScope();
        var large = F.interpolate(x, scale_factor: [2, 2, 2], mode: InterpolationMode.Nearest);
        return postconv.call(large).MoveToOuterDisposeScope();
    }

    // the large input of the convolution
    public override SavedElements Saved(ref VolumeShape h)
    {
        h = h.Finer(2);
        return SavedElements.OfLayer(h.Elements);
    }
}

// ---------------------------------------------------------------------------------------------------------------- layers

/// <summary>What all layers of one network share.</summary>
internal sealed class Layers(UNet3DOptions options, PartContext context)
{
    /// <summary>Length of the time embedding.</summary>
    public int Embedding { get; } = 4 * options.Channels[0];

    /// <summary>Whether blocks keep their inputs alone for the backward pass.</summary>
    public bool Checkpointing { get; } = context.GradientCheckpointing;

    /// <summary>
    /// A convolution that keeps the size (or divides it by the stride), one level down as MONAI wraps it: <c>conv.weight</c>.
    /// </summary>
    public Sequential Convolution(int from, int to, int kernel, int stride = 1, bool zero = false) =>
        nn.Sequential(("conv", BareConvolution(from, to, kernel, stride, zero)));

    /// <summary>The same without the wrapping.</summary>
    public Conv3d BareConvolution(int from, int to, int kernel, int stride = 1, bool zero = false)
    {
        var conv = nn.Conv3d(from, to, kernel, stride, padding: kernel / 2, device: context.Device);
        if (zero)
        {
            nn.init.zeros_(conv.weight);
            nn.init.zeros_(conv.bias!);
        }

        return conv;
    }

    /// <summary>What halves the grid between two levels.</summary>
    public TimedBlock Halve(int channels) => options.ResblockUpdown
        ? new ResBlock(this, channels, channels, nn.AvgPool3d(2))
        : new Downsample(this, channels);

    /// <summary>What doubles the grid between two levels.</summary>
    public TimedBlock Double(int channels) => options.ResblockUpdown
        ? new ResBlock(this, channels, channels, nn.Upsample(scale_factor: [2, 2, 2], mode: UpsampleMode.Nearest))
        : new Upsample(this, channels);

    public TokenAttention Attention(int channels) => new(channels, options.NumHeadChannels, context.Device);

    public Linear Linear(int from, int to) => nn.Linear(from, to, device: context.Device);

    public GroupNorm Norm(int channels) => Norms.GroupNorm(options.NormNumGroups, channels, options.NormEps, context.Device);
}
