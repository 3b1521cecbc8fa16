using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.RFlow;

/// <summary>
/// Rectified flow whose network sees and returns numbers of unit size at every noise level (the preconditioning of
/// arXiv:2206.00364, section 5, carried over to the velocity): <c>v̂ = c_skip·x + c_out·F(c_in·x, t)</c>. For data of standard
/// deviation σ around 0, <c>c_skip·x</c> is the best linear guess of the velocity, and what the network has to add has unit variance
/// and is uncorrelated with x. So the copying of noise and image, which a small network learns last, need not be learnt.
/// </summary>
/// <param name="flow">The process; its prediction is the velocity.</param>
/// <param name="sigmaData">σ, the root mean square of the latent.</param>
internal sealed class PreconditionedFlow(RectifiedFlow flow, double sigmaData) : NoiseProcess
{
    private readonly double _variance = sigmaData * sigmaData;

    public override double Alpha(double t) => flow.Alpha(t);

    public override double Sigma(double t) => flow.Sigma(t);

    public override Tensor SampleTimesteps(long batch, Generator random) => flow.SampleTimesteps(batch, random);

    public override double TimestepQuantile(double share) => flow.TimestepQuantile(share);

    /// <summary>
    /// Where noise is to data as 1 to 3, 1 to 1 and 3 to 1, as it is at 250, 500 and 750 for data of unit size. The best guess from x alone
    /// is right where there is far less noise than data, so that any network looks good there.
    /// </summary>
    public override IReadOnlyList<double> InformativeTimesteps =>
        [.. new[] { sigmaData / 3, sigmaData, 3 * sigmaData }.Select(ratio => Horizon * ratio / (1 + ratio))];

    public override Tensor? LossWeight(Tensor timesteps) => flow.LossWeight(timesteps);

    public override double[] TimeGrid(int steps) => flow.TimeGrid(steps);

    public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => flow.AddNoise(clean, noise, timesteps);

    /// <summary>c_in·x with c_in = 1/√D, D = (1 − τ)²σ² + τ².</summary>
    public override Tensor NetworkInput(Tensor noisy, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        return (noisy / Spread(Tau(timesteps)).sqrt()).MoveToOuterDisposeScope();
    }

    public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        var tau = Tau(timesteps);
        var skipped = Skip(tau) * AddNoise(clean, noise, timesteps);
        return ((flow.Target(clean, noise, timesteps) - skipped) / Out(tau)).MoveToOuterDisposeScope();
    }

    public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        return flow.Clean(noisy, Velocity(noisy, prediction, timesteps), timesteps).MoveToOuterDisposeScope();
    }

    public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        return flow.Noise(noisy, Velocity(noisy, prediction, timesteps), timesteps).MoveToOuterDisposeScope();
    }

    public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        using var scope = NewDisposeScope();
        return flow.Derivative(noisy, Velocity(noisy, prediction, timesteps), timesteps).MoveToOuterDisposeScope();
    }

    private Tensor Velocity(Tensor noisy, Tensor prediction, Tensor timesteps)
    {
        var tau = Tau(timesteps);
        return Skip(tau) * noisy + Out(tau) * prediction;
    }

    /// <summary>c_skip = ((1 − τ)σ² − τ)/D.</summary>
    private Tensor Skip(Tensor tau) => (OneMinus(tau) * S(_variance) - tau) / Spread(tau);

    /// <summary>c_out = σ/√D.</summary>
    private Tensor Out(Tensor tau) => Spread(tau).rsqrt() * S(sigmaData);

    /// <summary>D, the variance of x_τ.</summary>
    private Tensor Spread(Tensor tau) => OneMinus(tau).square() * S(_variance) + tau.square();

    private static Tensor OneMinus(Tensor tau) => -tau + S(1.0);

    private static Tensor Tau(Tensor timesteps) => Column(timesteps) / S(Horizon);
}
