using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Tensors;

/// <summary>
/// Multi-head self-attention of tokens <c>[B, N, C]</c> (arXiv 1706.03762), with the keys that MONAI's <c>SABlock</c> has without a
/// combined projection: <c>to_q</c>, <c>to_k</c>, <c>to_v</c>, <c>out_proj</c>.
/// </summary>
public sealed class TokenAttention : nn.Module<Tensor, Tensor>
{
    private readonly Linear to_q;
    private readonly Linear to_k;
    private readonly Linear to_v;
    private readonly Linear out_proj;
    private readonly int _headChannels;

    /// <summary>Builds the four projections, as torch initialises them.</summary>
    /// <param name="channels">Channels C of a token.</param>
    /// <param name="headChannels">Channels of one head; divides <paramref name="channels"/>.</param>
    /// <param name="device">Device of the parameters; default CPU. The meta device gives shapes without memory.</param>
    /// <exception cref="ArgumentException">The heads do not divide the channels.</exception>
    public TokenAttention(int channels, int headChannels, Device? device = null)
        : base(nameof(TokenAttention))
    {
        if (headChannels < 1 || channels < 1 || channels % headChannels != 0)
            throw new ArgumentException($"{channels} channels do not divide into heads of {headChannels}", nameof(headChannels));
        to_q = nn.Linear(channels, channels, device: device);
        to_k = nn.Linear(channels, channels, device: device);
        to_v = nn.Linear(channels, channels, device: device);
        out_proj = nn.Linear(channels, channels, device: device);
        _headChannels = headChannels;
        RegisterComponents();
    }

    /// <summary>What each token takes from all tokens, <c>[B, N, C]</c>.</summary>
    public override Tensor forward(Tensor tokens)
    {
        using var scope = NewDisposeScope();
        var attended = F.scaled_dot_product_attention(Heads(to_q), Heads(to_k), Heads(to_v)); // [B, heads, N, C / heads]
        return out_proj.call(attended.transpose(1, 2).flatten(2)).MoveToOuterDisposeScope();   // [B, N, C]

        Tensor Heads(Linear projection) => projection.call(tokens).unflatten(2, -1, _headChannels).transpose(1, 2);
    }

    /// <summary>
    /// Elements that autograd keeps of a pass: the input of the three projections, q, k, v, and attention's output before and after the
    /// heads are joined.
    /// </summary>
    /// <param name="elements">N·C of one sample.</param>
    public static long Saved(long elements) => 6 * elements;
}
