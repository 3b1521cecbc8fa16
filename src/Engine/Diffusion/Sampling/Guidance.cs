using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Diffusion.Sampling;

/// <summary>
/// Classifier-free guidance (arXiv:2207.12598): <c>u + w·(c − u)</c> of the predictions with and without the condition, w the same or going
/// with τ, u scaled towards c (CFG-Zero*, arXiv:2503.18886), all of it brought back towards the spread of c (arXiv:2305.08891, equations 15
/// and 16), at the noise levels of an interval only (arXiv:2404.07724).
/// </summary>
internal sealed class Guidance(SamplingOptions options)
{
    // times of a grid such as 1 − 4/5 come out a little off
    private const double Rounding = 1e-9;

    // keeps ⟨c, u⟩/‖u‖² finite where u is 0
    private const double SmallestNorm = 1e-8;

    /// <summary>Steps at the start in which a prediction is 0.</summary>
    public int StepsAtRest { get; } = options.GuidanceLaw?.ZeroInit ?? 0;

    /// <summary>Whether predictions at this timestep are guided, and need the one without the condition.</summary>
    public bool Applies(double timestep)
    {
        var tau = timestep / NoiseProcess.Horizon;
        return Strength(tau) > 1
            && (options.GuidanceInterval is not [var low, var high] || (tau >= low - Rounding && tau <= high + Rounding));
    }

    /// <summary>w at a noise level τ.</summary>
    public double Strength(double tau) => options.GuidanceLaw switch
    {
        { End: { } end, Schedule: GuidanceSchedule.Cosine } => end + (options.Guidance - end) * (1 - Math.Cos(Math.PI * tau)) / 2,
        { End: { } end } => end + (options.Guidance - end) * tau,
        _ => options.Guidance,
    };

    /// <summary>The guided prediction, in the current dispose scope.</summary>
    /// <param name="process">What predictions mean.</param>
    /// <param name="sample">What they are of.</param>
    /// <param name="timestep">The timestep of the whole batch.</param>
    /// <param name="conditional">c, <c>[B, C, D, H, W]</c>.</param>
    /// <param name="unconditional">u, of the same shape.</param>
    public Tensor Combine(NoiseProcess process, Tensor sample, double timestep, Tensor conditional, Tensor unconditional)
    {
        using var scope = NewDisposeScope();
        var w = Strength(timestep / NoiseProcess.Horizon);
        var guided = options.GuidanceZero
            ? Zero(Velocity.At(process, timestep), sample, w, conditional, unconditional)
            : unconditional + (conditional - unconditional) * S(w);
        if (options.GuidanceRescale > 0)
        {
            var spread = Spread(guided);
            // a prediction that is one number throughout has no spread to bring back
            var ratio = where(spread.gt(S(0.0)), Spread(conditional) / spread, ones_like(spread));
            guided = guided * (ratio * S(options.GuidanceRescale) + S(1 - options.GuidanceRescale));
        }

        return guided.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// A prediction of one network as what another one predicts that sees the same samples: that which implies the same velocity.
    /// </summary>
    /// <param name="own">What predictions are to mean.</param>
    /// <param name="other">What they mean.</param>
    /// <param name="sample">What they are of.</param>
    /// <param name="timestep">The timestep of the whole batch.</param>
    /// <param name="prediction">The prediction.</param>
    public static Tensor InTermsOf(NoiseProcess own, NoiseProcess other, Tensor sample, double timestep, Tensor prediction)
    {
        var (to, from) = (Velocity.At(own, timestep), Velocity.At(other, timestep));
        if (to == from)
            return prediction;
        using var scope = NewDisposeScope();
        return to.Prediction(sample, from.Of(sample, prediction)).MoveToOuterDisposeScope();
    }

    /// <summary>What stands still: the prediction that implies a velocity of 0.</summary>
    public static Tensor AtRest(NoiseProcess process, Tensor sample, double timestep)
    {
        using var scope = NewDisposeScope();
        return Velocity.At(process, timestep).Prediction(sample, zeros_like(sample)).MoveToOuterDisposeScope();
    }

    /// <summary>CFG-Zero* of the velocities, as what the network predicts.</summary>
    private static Tensor Zero(Velocity velocity, Tensor sample, double w, Tensor conditional, Tensor unconditional)
    {
        var (c, u) = (velocity.Of(sample, conditional), velocity.Of(sample, unconditional));
        u = u * Nearest(c, u);
        return velocity.Prediction(sample, u + (c - u) * S(w));
    }

    /// <summary>s of each sample, as a column: that by which s·u is nearest to c.</summary>
    private static Tensor Nearest(Tensor conditional, Tensor unconditional)
    {
        var product = (conditional * unconditional).flatten(1).sum(1, type: ScalarType.Float64);
        var norm = unconditional.square().flatten(1).sum(1, type: ScalarType.Float64) + S(SmallestNorm);
        return (product / norm).to(conditional.dtype).view(-1, 1, 1, 1, 1);
    }

    /// <summary>Standard deviation of each sample, as a column.</summary>
    private static Tensor Spread(Tensor prediction) => prediction.flatten(1).std(1, unbiased: false).view(-1, 1, 1, 1, 1);

    /// <summary>
    /// dx/dτ of a prediction p at a time, which is <c>a·x + b·p</c> for a Gaussian process whatever its network predicts. Where that is the
    /// velocity, a is 0 and b is −1, and nothing is rounded.
    /// </summary>
    private readonly record struct Velocity(double A, double B)
    {
        public static Velocity At(NoiseProcess process, double timestep)
        {
            using var scope = NewDisposeScope();
            var (zero, one, t) = (zeros([1, 1, 1, 1, 1]), ones([1, 1, 1, 1, 1]), full([1], S(timestep), ScalarType.Float32));
            return new Velocity(process.Derivative(one, zero, t).item<float>(), process.Derivative(zero, one, t).item<float>());
        }

        public Tensor Of(Tensor sample, Tensor prediction) => A == 0 ? prediction * S(B) : sample * S(A) + prediction * S(B);

        public Tensor Prediction(Tensor sample, Tensor velocity) => (A == 0 ? velocity : velocity - sample * S(A)) / S(B);
    }
}
