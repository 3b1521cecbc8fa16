using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Conformance;

/// <summary>x_τ = (1 − τ)·x0 + τ·ε with a network that predicts x0.</summary>
internal sealed class StraightPath : NoiseProcess
{
    public override double Alpha(double t) => 1 - t / Horizon;

    public override double Sigma(double t) => t / Horizon;

    public override Tensor SampleTimesteps(long batch, Generator random) => rand([batch], generator: random) * S(Horizon);

    public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => clean + Tau(timesteps) * (noise - clean);

    public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => clean.clone();

    public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => prediction.clone();

    public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) =>
        prediction + Derivative(noisy, prediction, timesteps);

    public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) =>
        (noisy - prediction) / Tau(timesteps).clamp_min(S(1e-5));

    public override double[] TimeGrid(int steps) => [.. Enumerable.Range(0, steps + 1).Select(step => Horizon * (steps - step) / steps)];

    private static Tensor Tau(Tensor timesteps) => Column(timesteps) / S(Horizon);
}
