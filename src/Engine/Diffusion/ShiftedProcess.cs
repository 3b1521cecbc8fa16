using static TorchSharp.torch;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>
/// A process that is sampled at other times than its own grid's: <c>τ' = rτ / (1 + (r − 1)τ)</c> (arXiv:2403.03206, equation 23). Nothing
/// else changes, so that a network is sampled as it was trained. Samplers know nothing of it.
/// </summary>
/// <param name="process">The process that the network was trained on.</param>
/// <param name="shift">r: above 1 steps crowd towards noise, below 1 towards the data.</param>
internal sealed class ShiftedProcess(NoiseProcess process, double shift) : NoiseProcess
{
    /// <summary>
    /// Whether the sampler has asked for the grid. One that takes steps of its own choice does not, and would not be shifted.
    /// </summary>
    public bool GridWasAsked { get; private set; }

    public override double[] TimeGrid(int steps)
    {
        GridWasAsked = true;
        return [.. process.TimeGrid(steps).Select(t => t / Horizon).Select(tau => Horizon * shift * tau / (1 - tau + shift * tau))];
    }

    public override double Alpha(double t) => process.Alpha(t);

    public override double Sigma(double t) => process.Sigma(t);

    public override Tensor SampleTimesteps(long batch, Generator random) => process.SampleTimesteps(batch, random);

    public override double TimestepQuantile(double share) => process.TimestepQuantile(share);

    public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => process.AddNoise(clean, noise, timesteps);

    public override Tensor NetworkInput(Tensor noisy, Tensor timesteps) => process.NetworkInput(noisy, timesteps);

    public override Tensor NetworkTimesteps(Tensor timesteps) => process.NetworkTimesteps(timesteps);

    public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => process.Target(clean, noise, timesteps);

    public override Tensor? LossWeight(Tensor timesteps) => process.LossWeight(timesteps);

    public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => process.Clean(noisy, prediction, timesteps);

    public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) => process.Noise(noisy, prediction, timesteps);

    public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) =>
        process.Derivative(noisy, prediction, timesteps);
}
