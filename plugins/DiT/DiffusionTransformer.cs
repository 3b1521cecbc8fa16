using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.DiT;

// The network from top to bottom: transformer, embedders, block, attention, layers. Fields carry the reference's key names, because
// TorchSharp takes the keys of a state dict from them. Shapes: B batch, C channels, D×H×W voxels, p patch, N = D·H·W/p³ tokens, E width.
//
// Beside what it computes, each of them says what autograd keeps of it for one sample, by the operations' backward formulas: a
// convolution, a linear layer, a layer normalisation and a GELU keep their input, a modulation and a gate keep what they scale, attention
// keeps q, k, v and its output; additions keep nothing, and the heads are views. Each tensor counts once, whoever keeps it. Statistics of
// the normalisations, the softmax's and everything of the time embedding are left out: about one in a hundred. Under autocast the residual
// stream stays float32 and layers keep copies, about a third more than half the bytes.

/// <summary>The transformer. Its last layer starts at zero, so an untrained network predicts exactly 0.</summary>
internal sealed class DiffusionTransformer : Denoiser
{
    private readonly PatchEmbedder x_embedder;
    private readonly PatchEmbedder? cond_embedder;
    private readonly Parameter pos_embed;
    private readonly TimestepEmbedder t_embedder;
    private readonly ModuleList<Block> blocks = new();
    private readonly FinalLayer final_layer;

    private readonly DiTOptions _options;
    private readonly bool _checkpointing;

    public DiffusionTransformer(DiTOptions options, PartContext context)
        : base(nameof(DiffusionTransformer))
    {
        (_options, _checkpointing) = (options, context.GradientCheckpointing);
        var layers = new Layers(context.Device);
        var (grid, patch, width) = (options.Input, options.PatchSize, options.HiddenSize);

        x_embedder = new PatchEmbedder(layers, options.InChannels!.Value, patch, width);
        if (options.CrossAttends)
            cond_embedder = new PatchEmbedder(layers, options.ConditionChannels!.Value, patch, width);
        pos_embed = new Parameter(Positions.Of(grid.Depth / patch, grid.Height / patch, grid.Width / patch, width, context.Device));
        pos_embed.DetachFromDisposeScope(); // where a field would stay, and be freed with the scope in which the network is built
        t_embedder = new TimestepEmbedder(layers, width);
        for (var block = 1; block <= options.Depth; block++)
            blocks.Add(new Block(layers, options, options.DropPath * block / options.Depth));
        final_layer = new FinalLayer(layers, width, patch * patch * patch * options.WrittenChannels);
        RegisterComponents();
    }

    public override int EmbeddingSize => _options.HiddenSize;

    public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var embedding = conditioning.Modulate(t_embedder.call(timesteps));                        // [B, E]
        var x = Tokens(x_embedder, cond_embedder is null ? conditioning.Concatenate(sample) : sample, _options.Input, "input");
        var condition = cond_embedder is null ? null : Condition(cond_embedder, conditioning.Image);

        foreach (var block in blocks)
        {
            using var before = x; // what the backward pass needs, autograd holds
            Tensor[] inputs = condition is null ? [x, embedding] : [x, embedding, condition];
            x = GradientCheckpoint.RunIf(_checkpointing, block, block.Forward, inputs);           // [B, N, E]
        }

        return Assemble(final_layer.call(x, embedding)).MoveToOuterDisposeScope();                // [B, out, D, H, W]
    }

    /// <summary>What autograd keeps of a forward pass.</summary>
    public SavedElements Saved()
    {
        var (grid, tokens) = (_options.Input, new TokenShape(_options.Tokens, _options.HiddenSize));
        var saved = PatchEmbedder.Saved(grid) + FinalLayer.Saved(tokens);
        if (cond_embedder is not null)
            // the condition's tokens are the input of every block's keys and values
            saved += PatchEmbedder.Saved(grid with { Channels = _options.ConditionChannels!.Value })
                + SavedElements.OfLayer(tokens.Elements);
        foreach (var block in blocks)
            saved += block.Saved(tokens);
        return saved;
    }

    /// <summary>The condition's tokens carry the same positions as the sample's, so that a token finds what lies in its place.</summary>
    private Tensor Condition(PatchEmbedder embedder, Tensor? image)
    {
        var shape = _options.Input with { Channels = _options.ConditionChannels!.Value };
        return image is not null
            ? Tokens(embedder, image, shape, "image condition")
            : throw new ArgumentException($"this network attends to an image condition of {shape}, and none was given");
    }

    private Tensor Tokens(PatchEmbedder embedder, Tensor volume, VolumeShape shape, string name)
    {
        if (!volume.shape.SequenceEqual(shape.Batch(volume.shape[0])))
            throw new ArgumentException(
                $"the {name} is [{string.Join(", ", volume.shape)}] but this network was built for [B, "
                + $"{string.Join(", ", shape.Batch(1).Skip(1))}], and its positions belong to that grid alone; "
                + "build it for the new grid (in_channels, depth_size, input_size, width_size)");
        using var patches = embedder.call(volume);
        return patches + pos_embed;                                                               // [B, N, E]
    }

    /// <summary>
    /// Puts patches <c>[B, N, p³·written]</c> (features in the order depth, height, width, channel) back into their places, without what
    /// comes after the prediction's channels.
    /// </summary>
    private Tensor Assemble(Tensor patches)
    {
        var (grid, p, channels) = (_options.Input, _options.PatchSize, _options.OutChannels!.Value);
        return patches
            .view(-1, grid.Depth / p, grid.Height / p, grid.Width / p, p, p, p, _options.WrittenChannels)
            .narrow(7, 0, channels)
            .permute(0, 7, 1, 4, 2, 5, 3, 6)
            .reshape(-1, channels, grid.Depth, grid.Height, grid.Width);
    }
}

// ------------------------------------------------------------------------------------------------------------- embedders

/// <summary>Cuts a volume into patches and makes each a token, depth first.</summary>
internal sealed class PatchEmbedder : nn.Module<Tensor, Tensor>
{
    private readonly Conv3d proj;

    public PatchEmbedder(Layers layers, int channels, int patch, int width)
        : base(nameof(PatchEmbedder))
    {
        proj = layers.Patches(channels, patch, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor volume)
    {
        using var scope = NewDisposeScope();
        return proj.call(volume).flatten(2).transpose(1, 2).contiguous().MoveToOuterDisposeScope(); // [B, N, E]
    }

    public static SavedElements Saved(VolumeShape volume) => SavedElements.OfLayer(volume.Elements);
}

/// <summary>Embeds timesteps <c>[B]</c> as <c>[B, E]</c>.</summary>
internal sealed class TimestepEmbedder : nn.Module<Tensor, Tensor>
{
    private const int Frequencies = 256;

    private readonly Sequential mlp;

    public TimestepEmbedder(Layers layers, int width)
        : base(nameof(TimestepEmbedder))
    {
        mlp = nn.Sequential(layers.Normal(Frequencies, width), nn.SiLU(), layers.Normal(width, width));
        RegisterComponents();
    }

    public override Tensor forward(Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        return mlp.call(TimeEmbedding.Sinusoidal(timesteps, Frequencies)).MoveToOuterDisposeScope();
    }
}

/// <summary>Where learned positions start: sines and cosines of a token's three indices.</summary>
internal static class Positions
{
    /// <summary><c>[1, N, E]</c>, of which depth and height have a third each, rounded down to even, and width the rest.</summary>
    public static Tensor Of(int depth, int height, int width, int size, Device device)
    {
        using var scope = NewDisposeScope();
        var third = size / 3 / 2 * 2;
        var axes = new[]
        {
            Axis(depth, third, device).view(depth, 1, 1, third).expand(depth, height, width, third),
            Axis(height, third, device).view(1, height, 1, third).expand(depth, height, width, third),
            Axis(width, size - 2 * third, device).view(1, 1, width, size - 2 * third).expand(depth, height, width, size - 2 * third),
        };
        return cat(axes, 3).view(1, -1, size).MoveToOuterDisposeScope();
    }

    /// <summary><c>[sin(i·ω) | cos(i·ω)]</c> of the indices along one axis, ω from 1 towards 1/10000, computed in float64.</summary>
    private static Tensor Axis(int length, int size, Device device)
    {
        var half = size / 2;
        var frequencies = (arange(S(half), float64, device) * S(-Math.Log(10000) / half)).exp();
        var angles = arange(S(length), float64, device).unsqueeze(1) * frequencies;
        return cat([angles.sin(), angles.cos()], 1).to(float32);
    }
}

// ---------------------------------------------------------------------------------------------------------------- blocks

/// <summary>
/// Self-attention, cross attention where the condition has tokens, and an MLP, each a branch of the residual stream. The time embedding
/// modulates and gates the branches through a layer that starts at zero, so that a new block is the identity (adaLN-Zero).
/// </summary>
internal sealed class Block : nn.Module
{
    private readonly SelfAttention attn;
    private readonly LayerNorm? norm_cross;
    private readonly CrossAttention? cross_attn;
    private readonly Mlp mlp;
    private readonly Sequential adaLN_modulation;

    private readonly double _dropPath;

    public Block(Layers layers, DiTOptions options, double dropPath)
        : base(nameof(Block))
    {
        var width = options.HiddenSize;
        attn = new SelfAttention(layers, width, options.NumHeads, options.QkNorm);
        if (options.CrossAttends)
            (norm_cross, cross_attn) = (layers.Norm(width), new CrossAttention(layers, width, options.NumHeads, options.QkNorm));
        mlp = new Mlp(layers, width, options.MlpSize);
        adaLN_modulation = layers.Modulation(width, 6);
        _dropPath = dropPath;
        RegisterComponents();
    }

    /// <summary>The tokens <c>[B, N, E]</c> after the block.</summary>
    /// <param name="inputs">Tokens, time embedding and, where there is cross attention, the condition's tokens.</param>
    public Tensor Forward(IReadOnlyList<Tensor> inputs)
    {
        using var scope = NewDisposeScope();
        var (x, embedding) = (inputs[0], inputs[1]);
        // shift, scale and gate of the attention, then of the MLP, each [B, 1, E]
        var modulation = adaLN_modulation.call(embedding).unsqueeze(1).chunk(6, 2);
        var h = Branch(attn, x, modulation[..3]);
        if (cross_attn is not null)
            h = h + Dropped(cross_attn.call(norm_cross!.call(h), inputs[2]));
        return Branch(mlp, h, modulation[3..]).MoveToOuterDisposeScope();
    }

    /// <summary>What autograd keeps of a block; the condition's tokens, which all blocks share, are not among it.</summary>
    public SavedElements Saved(TokenShape x)
    {
        var branches = SavedByBranch(x, attn.Saved(x)) + SavedByCrossAttention(x) + SavedByBranch(x, mlp.Saved(x));
        return SavedElements.OfBlock(x.Elements, branches);
    }

    // and the input of its norm
    private long SavedByCrossAttention(TokenShape x) => cross_attn is null ? 0 : x.Elements + cross_attn.Saved(x);

    private Tensor Branch(nn.Module<Tensor, Tensor> branch, Tensor x, Tensor[] modulation)
    {
        using var scope = NewDisposeScope();
        var (shift, scale, gate) = (modulation[0], modulation[1], modulation[2]);
        // closing the gate leaves out the whole branch
        return (x + Dropped(gate) * branch.call(Norm.Modulated(x, shift, scale))).MoveToOuterDisposeScope();
    }

    // the branch itself, and what the gate scales
    private static long SavedByBranch(TokenShape x, long branch) => Norm.SavedByModulated(x) + branch + x.Elements;

    /// <summary>In training, zero for some of the samples and as much more for the others.</summary>
    private Tensor Dropped(Tensor perSample)
    {
        if (!training || _dropPath == 0)
            return perSample;
        // drawn on the CPU, whose random numbers gradient checkpointing can draw again
        var kept = rand([perSample.shape[0], 1, 1]).ge(S(_dropPath)).to(perSample.dtype).to(perSample.device);
        return perSample * kept * S(1 / (1 - _dropPath));
    }
}

/// <summary>Each token attends to all tokens.</summary>
internal sealed class SelfAttention : nn.Module<Tensor, Tensor>
{
    private readonly Linear qkv;
    private readonly LayerNorm? q_norm;
    private readonly LayerNorm? k_norm;
    private readonly Linear proj;

    private readonly int _heads;

    public SelfAttention(Layers layers, int width, int heads, bool normalise)
        : base(nameof(SelfAttention))
    {
        qkv = layers.Linear(width, 3 * width);
        if (normalise)
            (q_norm, k_norm) = (layers.Norm(width / heads), layers.Norm(width / heads));
        proj = layers.Linear(width, width);
        _heads = heads;
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var parts = qkv.call(tokens).unflatten(2, 3, _heads, -1).unbind(2);                        // three of [B, N, heads, E / heads]
        return proj.call(Heads.Attend(parts[0], parts[1], parts[2], q_norm, k_norm)).MoveToOuterDisposeScope();
    }

    // and the input of q, k and v
    public long Saved(TokenShape tokens) => tokens.Elements + Heads.Saved(tokens, normalised: q_norm is not null);
}

/// <summary>
/// Each token, normalised before, attends to the tokens of the condition. Its projection starts at zero, so a new network does not see the
/// condition.
/// </summary>
internal sealed class CrossAttention : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Linear q;
    private readonly Linear kv;
    private readonly LayerNorm? q_norm;
    private readonly LayerNorm? k_norm;
    private readonly Linear proj;

    private readonly int _heads;

    public CrossAttention(Layers layers, int width, int heads, bool normalise)
        : base(nameof(CrossAttention))
    {
        q = layers.Linear(width, width);
        kv = layers.Linear(width, 2 * width);
        if (normalise)
            (q_norm, k_norm) = (layers.Norm(width / heads), layers.Norm(width / heads));
        proj = layers.Zero(width, width);
        _heads = heads;
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens, Tensor condition)
    {
        using var scope = NewDisposeScope();
        var queries = q.call(tokens).unflatten(2, _heads, -1);                                     // [B, N, heads, E / heads]
        var parts = kv.call(condition).unflatten(2, 2, _heads, -1).unbind(2);
        return proj.call(Heads.Attend(queries, parts[0], parts[1], q_norm, k_norm)).MoveToOuterDisposeScope();
    }

    // and the input of the queries
    public long Saved(TokenShape tokens) => tokens.Elements + Heads.Saved(tokens, normalised: q_norm is not null);
}

/// <summary>The attention of all heads.</summary>
internal static class Heads
{
    /// <summary>From queries, keys and values <c>[B, N, heads, E / heads]</c> to <c>[B, N, E]</c>.</summary>
    public static Tensor Attend(Tensor q, Tensor k, Tensor v, LayerNorm? queryNorm, LayerNorm? keyNorm)
    {
        using var scope = NewDisposeScope();
        q = queryNorm?.call(q) ?? q;
        k = keyNorm?.call(k) ?? k;
        var attended = F.scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)); // [B, heads, N, E / heads]
        return attended.transpose(1, 2).flatten(2).MoveToOuterDisposeScope();
    }

    // q, k and v; q and k again after their norms; the output, which is the projection's input
    public static long Saved(TokenShape tokens, bool normalised) => (normalised ? 6 : 4) * tokens.Elements;
}

/// <summary>Two layers for each token by itself.</summary>
internal sealed class Mlp : nn.Module<Tensor, Tensor>
{
    private readonly Linear fc1;
    private readonly Linear fc2;

    private readonly int _inner;

    public Mlp(Layers layers, int width, int inner)
        : base(nameof(Mlp))
    {
        _inner = inner;
        fc1 = layers.Linear(width, inner);
        fc2 = layers.Linear(inner, width);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens)
    {
        using var active = Activate(fc1.call(tokens));
        return fc2.call(active);
    }

    // the input, and what lies before and after the GELU
    public long Saved(TokenShape tokens) => tokens.Elements + 2 * (tokens with { Width = _inner }).Elements;

    // without a backward pass, the widest tensor of the network goes before the next one comes
    private static Tensor Activate(Tensor hidden)
    {
        using (hidden)
            return hidden.gelu(GELU.Approximate.tanh);
    }
}

/// <summary>From tokens to patches of the prediction, <c>[B, N, p³·out]</c>.</summary>
internal sealed class FinalLayer : nn.Module<Tensor, Tensor, Tensor>
{
    private readonly Sequential adaLN_modulation;
    private readonly Linear linear;

    public FinalLayer(Layers layers, int width, int features)
        : base(nameof(FinalLayer))
    {
        adaLN_modulation = layers.Modulation(width, 2);
        linear = layers.Zero(width, features);
        RegisterComponents();
    }

    public override Tensor forward(Tensor tokens, Tensor embedding)
    {
        using var scope = NewDisposeScope();
        var modulation = adaLN_modulation.call(embedding).unsqueeze(1).chunk(2, 2);                // shift and scale, each [B, 1, E]
        return linear.call(Norm.Modulated(tokens, modulation[0], modulation[1])).MoveToOuterDisposeScope();
    }

    // and the input of the linear layer
    public static SavedElements Saved(TokenShape tokens) => SavedElements.OfLayer(Norm.SavedByModulated(tokens) + tokens.Elements);
}

// ---------------------------------------------------------------------------------------------------------------- layers

/// <summary>The shape of one sample's tokens, <c>[N, E]</c>.</summary>
internal readonly record struct TokenShape(long Count, int Width)
{
    public long Elements => Count * Width;
}

/// <summary>Layer normalisation of tokens, without parameters of its own; what modulates it takes their place.</summary>
internal static class Norm
{
    public const double Eps = 1e-6;

    public static Tensor Plain(Tensor tokens) => F.layer_norm(tokens, [tokens.shape[^1]], eps: Eps);

    public static Tensor Modulated(Tensor tokens, Tensor shift, Tensor scale)
    {
        using var scope = NewDisposeScope();
        return (Plain(tokens) * (scale + S(1.0)) + shift).MoveToOuterDisposeScope();
    }

    // what the norm sees and what the scale multiplies
    public static long SavedByModulated(TokenShape tokens) => 2 * tokens.Elements;
}

/// <summary>The network's layers and how they start.</summary>
internal sealed record Layers(Device Device)
{
    /// <summary>The default: Xavier-uniform weights, no bias.</summary>
    public Linear Linear(int from, int to)
    {
        var linear = nn.Linear(from, to, device: Device);
        nn.init.xavier_uniform_(linear.weight!);
        nn.init.zeros_(linear.bias!);
        return linear;
    }

    /// <summary>What starts without influence.</summary>
    public Linear Zero(int from, int to)
    {
        var linear = Linear(from, to);
        nn.init.zeros_(linear.weight!);
        return linear;
    }

    /// <summary>What starts small: standard deviation 0.02.</summary>
    public Linear Normal(int from, int to)
    {
        var linear = Linear(from, to);
        nn.init.normal_(linear.weight!, 0, 0.02);
        return linear;
    }

    /// <summary>From the time embedding to so many vectors that modulate tokens; zero at first.</summary>
    public Sequential Modulation(int width, int vectors) => nn.Sequential(nn.SiLU(), Zero(width, vectors * width));

    /// <summary>A convolution that sees each patch once, and starts as <see cref="Linear"/> would on the patch's voxels.</summary>
    public Conv3d Patches(int channels, int patch, int width)
    {
        var convolution = nn.Conv3d(channels, width, patch, stride: patch, device: Device);
        using (var matrix = convolution.weight.view(width, -1))
            nn.init.xavier_uniform_(matrix);
        nn.init.zeros_(convolution.bias!);
        return convolution;
    }

    /// <summary>Normalises tokens that nothing modulates, or the queries or keys of one head.</summary>
    public LayerNorm Norm(int size) => nn.LayerNorm(size, DiT.Norm.Eps, device: Device);
}
