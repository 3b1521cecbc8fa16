using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Tests.Tiny;

/// <summary>Options of <see cref="StraightStrategy"/>.</summary>
public sealed record StraightOptions
{
    /// <summary>Weight of every loss, or null for none.</summary>
    public double? Weight { get; init; }

    /// <summary>Whether a loss weighs τ of that.</summary>
    public bool WeighByTau { get; init; }

    /// <summary>Where evaluations should look, or null for where they look by themselves.</summary>
    public IReadOnlyList<double>? Informative { get; init; }
}

/// <summary>The straight line from data to noise, x = (1−τ)·x0 + τ·ε with the target x0 − ε; τ from 0.1 to 1.</summary>
public sealed class StraightStrategy : INoiseStrategy<StraightOptions>
{
    public NoiseProcess Create(StraightOptions options, DiffusionShape shape, PartContext context) => new Process(options);

    private sealed class Process(StraightOptions options) : NoiseProcess
    {
        public override double Alpha(double t) => 1 - t / Horizon;

        public override double Sigma(double t) => t / Horizon;

        public override Tensor SampleTimesteps(long batch, Generator random) =>
            torch.rand([batch], generator: random) * S(900.0) + S(100.0);

        public override IReadOnlyList<double> InformativeTimesteps => options.Informative ?? base.InformativeTimesteps;

        public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => clean + (noise - clean) * Tau(timesteps);

        public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => clean - noise;

        public override Tensor? LossWeight(Tensor timesteps) => options.Weight is not { } weight ? null
            : options.WeighByTau ? timesteps / S(Horizon) * S(weight)
            : torch.full_like(timesteps, S(weight));

        public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => noisy + prediction * Tau(timesteps);

        public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) =>
            noisy - prediction * (torch.ones_like(noisy) - Tau(timesteps));

        public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) => prediction.neg();

        public override double[] TimeGrid(int steps) => [.. Enumerable.Range(0, steps + 1).Select(i => Horizon * (steps - i) / steps)];

        private static Tensor Tau(Tensor timesteps) => Column(timesteps) / S(Horizon);
    }
}

/// <summary>Options of <see cref="EulerSampler"/>.</summary>
public sealed record EulerOptions
{
    public int Steps { get; init; } = 3;
}

/// <summary>Euler's method.</summary>
public sealed class EulerSampler : ISampler<EulerOptions>
{
    public Sampler Create(EulerOptions options, PartContext context) => new Euler(options.Steps);

    private sealed class Euler(int steps) : Sampler
    {
        public override Tensor Sample(SamplingTask task)
        {
            var grid = task.Process.TimeGrid(steps);
            var sample = task.Noise;
            for (var i = 0; i < steps; i++)
            {
                task.Cancellation.ThrowIfCancellationRequested();
                var t = torch.full([sample.shape[0]], S(grid[i]), ScalarType.Float32);
                var slope = task.Process.Derivative(sample, task.Predict(sample, grid[i]), t);
                sample = sample + slope * S((grid[i + 1] - grid[i]) / NoiseProcess.Horizon);
                task.Progress?.Invoke(new SamplerStep(i + 1, steps, grid[i + 1]));
            }

            return sample;
        }
    }
}

/// <summary>Returns what the network says of pure noise.</summary>
public sealed class OneCallSampler : ISampler<NoOptions>
{
    public Sampler Create(NoOptions options, PartContext context) => new OneCall();

    private sealed class OneCall : Sampler
    {
        public override Tensor Sample(SamplingTask task) => task.Predict(task.Noise, NoiseProcess.Horizon);
    }
}

/// <summary>Puts a second, weighted copy beside each term.</summary>
public sealed class SecondTerm(double weight) : IAugmentation<NoOptions>
{
    public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Twice(weight);

    private sealed class Twice(double weight) : Augmentation
    {
        public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random) =>
            [term, term with { Weight = weight }];
    }
}

/// <summary>Mean squared error of each volume.</summary>
public sealed class SquaredError : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context) => new Mse();

    private sealed class Mse : Metric
    {
        public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

        public override bool HigherIsBetter => false;

        public override MetricResult Compute(Tensor real, Tensor generated)
        {
            using var scope = torch.NewDisposeScope();
            return MetricResult.Mean([.. (real - generated).square().mean([1, 2, 3, 4]).data<float>().Select(v => (double)v)]);
        }
    }
}

/// <summary>Keeps every second slice, so that latents have half the depth.</summary>
public sealed class HalfDepth(bool saysSo = false) : ICompressor<NoOptions>
{
    public bool IsLearned => false;

    public bool IsLossy(NoOptions options) => saysSo;

    public VolumeShape LatentShape(NoOptions options, VolumeShape volume) => volume.Depth % 2 == 0
        ? volume with { Depth = volume.Depth / 2 }
        : throw new PlanException($"depth {volume.Depth} is odd; use an even one");

    public Compressor Create(NoOptions options, PartContext context) => new Half();

    private sealed class Half() : Compressor("half")
    {
        public override Tensor Encode(Tensor volume) => nn.functional.avg_pool3d(volume, [2, 1, 1], [2, 1, 1]);

        public override Tensor Decode(Tensor latent) => latent.repeat_interleave(2, 2);
    }
}
