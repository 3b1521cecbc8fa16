namespace Acme.Plugin._1;

// within the namespace, so that one called My.Strategy does not hide the contract's type
using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

/// <summary>Options of <c>part_id</c>.</summary>
public sealed record PartNameOptions
{
    /// <summary>
    /// Training times are <c>1000·u^power</c>, u uniform: below 1 more of them are near noise, above 1 near the data. Default 1.
    /// </summary>
    [Range(0.1, 10)]
    public double Power { get; init; } = 1;
}

/// <summary>
/// Data and noise on a quarter of a circle, <c>x_θ = cos θ·x0 + sin θ·ε</c> with θ = π/2·t/1000, whose velocity
/// <c>v = cos θ·ε − sin θ·x0</c> is predicted (arXiv:2202.00512, section 4 and appendix D).
/// </summary>
[Strategy("part_id", Summary = "A quarter of a circle between data and noise; the velocity is predicted.")]
public sealed class PartNameStrategy : INoiseStrategy<PartNameOptions>
{
    /// <inheritdoc/>
    public NoiseProcess Create(PartNameOptions options, DiffusionShape shape, PartContext context) => new Circle(options.Power);

    private sealed class Circle(double power) : NoiseProcess
    {
        private const double Quarter = Math.PI / 2;

        public override double Alpha(double t) => Math.Cos(Quarter * t / Horizon);

        public override double Sigma(double t) => Math.Sin(Quarter * t / Horizon);

        public override Tensor SampleTimesteps(long batch, Generator random)
        {
            using var scope = NewDisposeScope();
            return (rand([batch], generator: random).pow(S(power)) * S(Horizon)).MoveToOuterDisposeScope();
        }

        public override double TimestepQuantile(double share) => Horizon * Math.Pow(share, power);

        public override double[] TimeGrid(int steps) =>
            [.. Enumerable.Range(0, steps + 1).Select(step => Horizon * (steps - step) / steps)];

        public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => Turned(clean, noise, timesteps);

        public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => Turned(noise, -clean, timesteps);

        public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => Turned(noisy, -prediction, timesteps);

        public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) => Turned(prediction, noisy, timesteps);

        public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) => prediction * S(Quarter);

        /// <summary>cos θ·a + sin θ·b.</summary>
        private static Tensor Turned(Tensor a, Tensor b, Tensor timesteps)
        {
            using var scope = NewDisposeScope();
            var angle = Column(timesteps) * S(Quarter / Horizon);
            return (angle.cos() * a + angle.sin() * b).MoveToOuterDisposeScope();
        }
    }
}
