using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Conformance;
using VoxelZoo.Plugins.RFlow;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Conformance;

/// <summary>Parts of the other kinds with one typical mistake each, and the check that must find it.</summary>
public sealed class OtherConformanceTests
{
    public static TheoryData<IPart, string> Mistakes => new()
    {
        { new WrongSign(), "derivative" },
        { new WrongSign(), "timestep_quantiles" },
        { new Lossy(), "lossless" },
        { new Lossy(), "odd_sizes" },
        { new InPlace(), "noise_untouched" },
        { new InPlace(), "cancellation" },
        { new InPlace(), "progress" },
        { new InPlace(), "one_point" },
        { new Backwards(), "prefers_real" },
        { new Backwards(), "refusal" },
        { new Dropping(), "terms" },
    };

    [Theory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void Mistake_is_found_by_its_check(IPart part, string check) =>
        Assert.False(PartConformance.Verify(part, Contexts.Cpu).Single(result => result.Name == check).Passed);

    internal sealed record NoOptions;

    private sealed class WrongSign : INoiseStrategy<NoOptions>
    {
        public NoiseProcess Create(NoOptions options, DiffusionShape shape, PartContext context) =>
            new Process(((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(new RFlowOptions(), shape, context));

        private sealed class Process(NoiseProcess right) : NoiseProcess
        {
            public override double Alpha(double t) => right.Alpha(t);

            public override double Sigma(double t) => right.Sigma(t);

            public override Tensor SampleTimesteps(long batch, Generator random) => right.SampleTimesteps(batch, random);

            public override double TimestepQuantile(double share) => right.TimestepQuantile(1 - share);

            public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => right.AddNoise(clean, noise, timesteps);

            public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => right.Target(clean, noise, timesteps);

            public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => right.Clean(noisy, prediction, timesteps);

            public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) => right.Noise(noisy, prediction, timesteps);

            public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) =>
                -right.Derivative(noisy, prediction, timesteps);

            public override double[] TimeGrid(int steps) => right.TimeGrid(steps);
        }
    }

    private sealed class Lossy : ICompressor<NoOptions>
    {
        public bool IsLearned => false;

        public VolumeShape LatentShape(NoOptions options, VolumeShape volume) =>
            volume with { Depth = volume.Depth / 2, Height = volume.Height / 2, Width = volume.Width / 2 };

        public Compressor Create(NoOptions options, PartContext context) => new Pool();

        private sealed class Pool() : Compressor(nameof(Pool))
        {
            public override Tensor Encode(Tensor volume) => nn.functional.avg_pool3d(volume, [2, 2, 2]);

            public override Tensor Decode(Tensor latent) => nn.functional.interpolate(latent, scale_factor: [2, 2, 2]);
        }
    }

    private sealed class InPlace : ISampler<NoOptions>
    {
        public Sampler Create(NoOptions options, PartContext context) => new Halving();

        private sealed class Halving : Sampler
        {
            public override Tensor Sample(SamplingTask task)
            {
                task.Noise.mul_(S(0.5));
                return task.Noise.clone();
            }
        }
    }

    private sealed class Backwards : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Error();

        private sealed class Error : Metric
        {
            public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

            // an error, of which less is better
            public override bool HigherIsBetter => true;

            public override MetricResult Compute(Tensor real, Tensor generated) =>
                MetricResult.Mean([.. Enumerable.Range(0, 2).Select(_ => (real - generated).square().mean().ToDouble())]);
        }
    }

    private sealed class Dropping : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new None();

        private sealed class None : Augmentation
        {
            public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random) => [];
        }
    }
}
