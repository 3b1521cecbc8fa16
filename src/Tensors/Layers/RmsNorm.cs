using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors;

/// <summary>
/// Root-mean-square normalisation over the channel axis: <c>y = x / sqrt(mean(x², C) + eps) · weight (+ bias)</c> (arXiv 1910.07467),
/// each voxel by itself. Half-precision input is normalised in float32 and returned in its own dtype. Keys: <c>weight</c>, <c>bias</c>.
/// </summary>
public sealed class RmsNorm : nn.Module<Tensor, Tensor>
{
    // the field names are the keys of the weights
    private readonly Parameter weight;
    private readonly Parameter? bias;
    private readonly double _eps;

    /// <summary>Creates the layer with weight 1 and bias 0.</summary>
    /// <param name="channels">Channels C of the input <c>[B, C, …]</c>.</param>
    /// <param name="eps">Added to the mean square.</param>
    /// <param name="bias">Whether a learned bias is added.</param>
    /// <param name="device">Device of the parameters; default CPU.</param>
    public RmsNorm(long channels, double eps = 1e-5, bool bias = false, Device? device = null) : base(nameof(RmsNorm))
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(channels, 1);
        _eps = eps;
        // parameters that are fields would die with the scope in which the layer is built
        weight = new Parameter(ones(channels, device: device));
        weight.DetachFromDisposeScope();
        if (bias)
        {
            this.bias = new Parameter(zeros(channels, device: device));
            this.bias.DetachFromDisposeScope();
        }

        RegisterComponents();
    }

    /// <summary>Normalises <paramref name="input"/>.</summary>
    /// <param name="input"><c>[B, C, …]</c>, floating point.</param>
    /// <returns>A tensor of the input's shape and dtype, in the caller's dispose scope.</returns>
    public override Tensor forward(Tensor input)
    {
        using var scope = NewDisposeScope();
        var dtype = input.dtype;
        var x = dtype is ScalarType.Float16 or ScalarType.BFloat16 ? input.to_type(ScalarType.Float32) : input;
        // volumes are large: of the intermediate ones, only those that autograd holds live on
        using var inverse = InverseRms(x);
        using var normalised = x * inverse;
        var y = normalised * PerChannel(weight, input);
        if (bias is not null)
            y.add_(PerChannel(bias, input));
        return y.to_type(dtype).MoveToOuterDisposeScope();
    }

    private Tensor InverseRms(Tensor x)
    {
        using var scope = NewDisposeScope();
        return (x.square().mean([1], keepdim: true) + S(_eps)).rsqrt().MoveToOuterDisposeScope();
    }

    private static Tensor PerChannel(Tensor parameter, Tensor input)
    {
        var shape = new long[input.dim()];
        Array.Fill(shape, 1);
        shape[1] = -1;
        return parameter.view(shape);
    }
}
