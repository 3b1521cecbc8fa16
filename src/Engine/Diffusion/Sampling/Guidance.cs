using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Diffusion.Sampling;

/// <summary>
/// Classifier-free guidance (arXiv:2207.12598): <c>u + w·(c − u)</c> of the predictions with and without the condition, brought back towards the
/// spread of c (arXiv:2305.08891, equations 15 and 16), at the noise levels of an interval only (arXiv:2404.07724).
/// </summary>
internal sealed class Guidance(SamplingOptions options)
{
    // times of a grid such as 1 − 4/5 come out a little off
    private const double Rounding = 1e-9;

    /// <summary>Whether predictions at this timestep are guided, and need the one without the condition.</summary>
    public bool Applies(double timestep)
    {
        var tau = timestep / NoiseProcess.Horizon;
        return options.Guidance > 1 && (options.GuidanceInterval is not [var low, var high] || (tau >= low - Rounding && tau <= high + Rounding));
    }

    /// <summary>The guided prediction, in the current dispose scope.</summary>
    /// <param name="conditional">c, <c>[B, C, D, H, W]</c>.</param>
    /// <param name="unconditional">u, of the same shape.</param>
    public Tensor Combine(Tensor conditional, Tensor unconditional)
    {
        using var scope = NewDisposeScope();
        var guided = unconditional + (conditional - unconditional) * S(options.Guidance);
        if (options.GuidanceRescale > 0)
        {
            var spread = Spread(guided);
            // a prediction that is one number throughout has no spread to bring back
            var ratio = where(spread.gt(S(0.0)), Spread(conditional) / spread, ones_like(spread));
            guided = guided * (ratio * S(options.GuidanceRescale) + S(1 - options.GuidanceRescale));
        }

        return guided.MoveToOuterDisposeScope();
    }

    /// <summary>Standard deviation of each sample, as a column.</summary>
    private static Tensor Spread(Tensor prediction) => prediction.flatten(1).std(1, unbiased: false).view(-1, 1, 1, 1, 1);
}
