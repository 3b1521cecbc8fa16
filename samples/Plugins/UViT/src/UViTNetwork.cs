using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace Acme.UViT;

/// <summary>The network. Fields are named as the keys of its authors' weights, apart from attention's.</summary>
internal sealed class UViTNetwork : Denoiser
{
    private const double PositionsDeviation = 0.02;

    private readonly UViTOptions _options;
    private readonly Conv3d patch_embed;
    private readonly Parameter pos_embed; // [1, 1 + N, E], the first of the time's token
    private readonly ModuleList<Block> in_blocks;
    private readonly Block mid_block;
    private readonly ModuleList<Block> out_blocks;
    private readonly LayerNorm norm;
    private readonly Linear decoder_pred;
    private readonly Conv3d final_layer;

    public UViTNetwork(UViTOptions options)
        : base(nameof(UViTNetwork))
    {
        _options = options;
        var (from, to, p, e) = (options.InChannels!.Value, options.OutChannels!.Value, options.PatchSize, options.HiddenSize);
        patch_embed = nn.Conv3d(from, e, p, stride: p);
        pos_embed = new Parameter(randn([1, options.Tokens, e]) * Scalars.S(PositionsDeviation));
        in_blocks = new ModuleList<Block>([.. Enumerable.Range(0, options.Depth / 2).Select(_ => new Block(options, takesSkip: false))]);
        mid_block = new Block(options, takesSkip: false);
        out_blocks = new ModuleList<Block>([.. Enumerable.Range(0, options.Depth / 2).Select(_ => new Block(options, takesSkip: true))]);
        norm = nn.LayerNorm([e]);
        decoder_pred = nn.Linear(e, (long)p * p * p * to);
        final_layer = nn.Conv3d(to, to, 3, padding: 1);
        RegisterComponents();
    }

    /// <summary>The time's token, so that an experiment can modulate it.</summary>
    public override int EmbeddingSize => _options.HiddenSize;

    public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var time = conditioning.Modulate(TimeEmbedding.Sinusoidal(timesteps, _options.HiddenSize)).unsqueeze(1);       // [B, 1, E]
        var patches = patch_embed.call(conditioning.Concatenate(sample)).flatten(2).transpose(1, 2);                  // [B, N, E]
        var x = cat([time, patches], 1) + pos_embed;
        var skips = new Stack<Tensor>();
        foreach (var block in in_blocks)
            skips.Push(x = block.call(x, null));
        x = mid_block.call(x, null);
        foreach (var block in out_blocks)
            x = block.call(x, skips.Pop());
        var decoded = decoder_pred.call(norm.call(x)).narrow(1, 1, _options.Tokens - 1);                              // [B, N, p³·out]
        return final_layer.call(Volume(decoded)).MoveToOuterDisposeScope();
    }

    /// <summary>Puts the patches back in their places.</summary>
    private Tensor Volume(Tensor patches)
    {
        var (p, to) = (_options.PatchSize, _options.OutChannels!.Value);
        var (d, h, w) = (_options.DepthSize!.Value, _options.HeightSize!.Value, _options.WidthSize!.Value);
        return patches.reshape(-1, d / p, h / p, w / p, p, p, p, to) // [B, d, h, w, p, p, p, out]
            .permute(0, 7, 1, 4, 2, 5, 3, 6)                         // [B, out, d, p, h, p, w, p]
            .reshape(-1, to, d, h, w);
    }

    /// <summary>
    /// Attention and perceptron, each added to the tokens; before them, where there is a skip, both are brought together by a
    /// linear layer.
    /// </summary>
    private sealed class Block : nn.Module<Tensor, Tensor?, Tensor>
    {
        private readonly LayerNorm norm1;
        private readonly TokenAttention attn;
        private readonly LayerNorm norm2;
        private readonly Sequential mlp;
        private readonly Linear? skip_linear;

        public Block(UViTOptions options, bool takesSkip)
            : base(nameof(Block))
        {
            var (e, inner) = (options.HiddenSize, options.HiddenSize * options.MlpRatio);
            norm1 = nn.LayerNorm([e]);
            attn = new TokenAttention(e, options.HeadChannels);
            norm2 = nn.LayerNorm([e]);
            mlp = nn.Sequential(("fc1", nn.Linear(e, inner)), ("act", nn.GELU()), ("fc2", nn.Linear(inner, e)));
            skip_linear = takesSkip ? nn.Linear(2 * e, e) : null;
            RegisterComponents();
        }

        public override Tensor forward(Tensor x, Tensor? skip)
        {
            using var scope = NewDisposeScope();
            if (skip_linear is not null)
                x = skip_linear.call(cat([x, skip!], -1));
            x = x + attn.call(norm1.call(x));
            return (x + mlp.call(norm2.call(x))).MoveToOuterDisposeScope();
        }
    }
}
