using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Tensors.Dispatch;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>The gradients of many parameters as one vector.</summary>
public static class Gradients
{
    /// <summary>L2 norm over all gradients; 0 where no parameter has one. It is NaN or infinite as soon as one element is.</summary>
    /// <param name="parameters">Those without a gradient are left out.</param>
    public static double Norm(IEnumerable<Parameter> parameters)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        return Norm(Of(parameters));
    }

    /// <summary>
    /// Scales all gradients by one factor, so that their L2 norm is at most <paramref name="maxNorm"/> (arXiv 1211.5063).
    /// </summary>
    /// <param name="parameters">Those without a gradient are left out.</param>
    /// <param name="maxNorm">Largest norm, above 0.</param>
    /// <returns>
    /// The norm before clipping. Where it is not finite, the gradients were left as they are and the step is to be skipped.
    /// </returns>
    public static double Clip(IEnumerable<Parameter> parameters, double maxNorm)
    {
        if (!(maxNorm > 0))
            throw new ArgumentOutOfRangeException(nameof(maxNorm), maxNorm, "the largest norm must be above 0");
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var gradients = Of(parameters);
        var norm = Norm(gradients);
        if (double.IsFinite(norm) && norm > maxNorm)
            Dispatcher.Call(
                "aten::_foreach_mul_",
                "Tensor",
                [Dispatcher.Of(gradients), Dispatcher.Of(tensor((float)(maxNorm / norm), device: gradients[0].device))]);
        return norm;
    }

    private static List<Tensor> Of(IEnumerable<Parameter> parameters) => [.. parameters.Select(p => p.grad).OfType<Tensor>()];

    // _foreach_norm takes a Scalar, which the C interface cannot pass; on the CPU it is a loop as well
    private static double Norm(List<Tensor> gradients) =>
        gradients.Count == 0 ? 0 : stack(gradients.ConvertAll(g => g.norm())).to_type(ScalarType.Float64).norm().item<double>();
}
