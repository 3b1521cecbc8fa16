using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Features;

/// <summary>
/// ViT-B/16 (arXiv:2010.11929) with a projection of its class token, for inference: slices <c>[n, 3, 224, 224]</c> → features
/// <c>[n, 512]</c>. Keys are those of timm within open_clip: <c>trunk.…</c> and <c>head.proj.weight</c>.
/// </summary>
internal sealed class VisionTransformer : nn.Module<Tensor, Tensor>
{
    public const int Size = 224;

    private const int Patch = 16, Width = 768, Depth = 12, Projection = 512;

    private readonly Trunk trunk;
    private readonly nn.Module<Tensor, Tensor> head;

    public VisionTransformer(Device device)
        : base(nameof(VisionTransformer))
    {
        trunk = new Trunk(device);
        head = nn.Sequential(("proj", nn.Linear(Width, Projection, hasBias: false, device: device)));
        RegisterComponents();
    }

    public override Tensor forward(Tensor slices) => head.call(trunk.call(slices));

    /// <summary>Patches, blocks, and the class token of the last one.</summary>
    private sealed class Trunk : nn.Module<Tensor, Tensor>
    {
        private readonly TorchSharp.Modules.Parameter cls_token, pos_embed;
        private readonly nn.Module<Tensor, Tensor> patch_embed, blocks, norm;

        public Trunk(Device device)
            : base(nameof(Trunk))
        {
            const int tokens = Size / Patch * (Size / Patch) + 1;
            cls_token = nn.Parameter(zeros(1, 1, Width, device: device));
            pos_embed = nn.Parameter(zeros(1, tokens, Width, device: device));
            patch_embed = nn.Sequential(("proj", nn.Conv2d(3, Width, Patch, stride: Patch, device: device)));
            nn.Module<Tensor, Tensor> Of() => new Block(device);
            blocks = nn.Sequential([.. Enumerable.Range(0, Depth).Select(i => (i.ToString(CultureInfo.InvariantCulture), Of()))]);
            norm = nn.LayerNorm([Width], Block.Epsilon, device: device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor slices)
        {
            var x = patch_embed.call(slices).flatten(2).transpose(1, 2);                  // [n, 196, 768]
            x = cat([cls_token.expand(x.shape[0], -1, -1), x], 1) + pos_embed;             // [n, 197, 768]
            return norm.call(blocks.call(x)).select(1, 0);                                 // [n, 768]
        }
    }

    /// <summary>Attention and a perceptron, each after a norm and with a shortcut around it.</summary>
    private sealed class Block : nn.Module<Tensor, Tensor>
    {
        public const double Epsilon = 1e-6;

        private const int Heads = 12;

        private readonly nn.Module<Tensor, Tensor> norm1, norm2, mlp;
        private readonly Attention attn;

        public Block(Device device)
            : base(nameof(Block))
        {
            norm1 = nn.LayerNorm([Width], Epsilon, device: device);
            attn = new Attention(device);
            norm2 = nn.LayerNorm([Width], Epsilon, device: device);
            mlp = nn.Sequential(
                ("fc1", nn.Linear(Width, 4 * Width, device: device)),
                ("act", nn.GELU()),
                ("fc2", nn.Linear(4 * Width, Width, device: device)));
            RegisterComponents();
        }

        public override Tensor forward(Tensor x)
        {
            x = x + attn.call(norm1.call(x));
            return x + mlp.call(norm2.call(x));
        }

        private sealed class Attention : nn.Module<Tensor, Tensor>
        {
            private readonly nn.Module<Tensor, Tensor> qkv, proj;

            public Attention(Device device)
                : base(nameof(Attention))
            {
                qkv = nn.Linear(Width, 3 * Width, device: device);
                proj = nn.Linear(Width, Width, device: device);
                RegisterComponents();
            }

            public override Tensor forward(Tensor x)
            {
                var (n, tokens) = (x.shape[0], x.shape[1]);
                var each = qkv.call(x).view(n, tokens, 3, Heads, Width / Heads).permute(2, 0, 3, 1, 4); // [3, n, heads, tokens, 64]
                var attended = nn.functional.scaled_dot_product_attention(each[0], each[1], each[2]);
                return proj.call(attended.transpose(1, 2).reshape(n, tokens, Width));
            }
        }
    }
}
