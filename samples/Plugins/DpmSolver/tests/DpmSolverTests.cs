using TorchSharp;
using VoxelZoo.Abstractions;
using Xunit;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace Acme.DpmSolver.Tests;

/// <summary>
/// Against the closed form: of data that are normal with deviation s, the clean sample that is to be expected of x is α·s²/(α²s²
/// + σ²)·x, and the
/// equation keeps x/√(α²s² + σ²).
/// </summary>
public sealed class DpmSolverTests
{
    private const double Deviation = 0.5;

    [Theory]
    [InlineData(1, 2.0)]
    [InlineData(2, 4.0)]
    public void Twice_the_steps_divide_the_error_by_two_to_the_order(int order, double ratio)
    {
        var measured = Error(order, 40) / Error(order, 80);

        Assert.InRange(measured, 0.85 * ratio, 1.2 * ratio);
    }

    [Fact]
    public void Second_order_is_nearer_with_few_steps() => Assert.True(Error(2, 10) < 0.5 * Error(1, 10));

    private static double Error(int order, int steps)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(0, CPU);
        using var streams = new RandomStreams(0);
        var process = new Circle();
        var noise = ones([1, 1, 2, 2, 2], ScalarType.Float64);
        var sampler = new DpmSolverSampler().Create(new DpmSolverOptions { Steps = steps, Order = order }, PartContext.Meta);
        var sample = sampler.Sample(new SamplingTask { Noise = noise, Process = process, Random = random, Predict = Expected });
        return Math.Abs(sample.mean().ToDouble() - Spread(process.TimeGrid(steps)[^1]) / Spread(process.TimeGrid(steps)[0]));

        double Spread(double t) => Math.Sqrt(Math.Pow(process.Alpha(t) * Deviation, 2) + Math.Pow(process.Sigma(t), 2));

        Tensor Expected(Tensor x, double t)
        {
            var (signal, sigma) = (process.Alpha(t) * Deviation, process.Sigma(t));
            return x * S(signal * Deviation / (signal * signal + sigma * sigma));
        }
    }

    /// <summary>α = cos θ, σ = sin θ, and a network that predicts x0.</summary>
    private sealed class Circle : NoiseProcess
    {
        public override double Alpha(double t) => Math.Cos(Math.PI / 2 * t / Horizon);

        public override double Sigma(double t) => Math.Sin(Math.PI / 2 * t / Horizon);

        public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => prediction.clone();

        // equal steps in λ = log(cot θ), from much noise to little
        public override double[] TimeGrid(int steps) => [.. Enumerable.Range(0, steps + 1)
            .Select(step => Horizon * 2 / Math.PI * Math.Atan(Math.Exp(MostNoise - 2 * MostNoise * step / steps)))];

        private const double MostNoise = 3;

        public override Tensor SampleTimesteps(long batch, Generator random) => throw new NotSupportedException();

        public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => throw new NotSupportedException();

        public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => throw new NotSupportedException();

        public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) => throw new NotSupportedException();

        public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) => throw new NotSupportedException();
    }
}
