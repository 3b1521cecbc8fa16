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
        { new Dropping(), "options" },
        { new Rounding(), "lossless" },
        { new Brightening(), "volumes" },
        { new Brightening(), "given_volumes_untouched" },
        { new Beside(), "prefers_real" },
        { new Nowhere(), "informative_timesteps" },
        { new Unsaid(), "create" },
    };

    [Theory]
    [MemberData(nameof(Mistakes), DisableDiscoveryEnumeration = true)]
    public void Mistake_is_found_by_its_check(IPart part, string check) =>
        Assert.False(PartConformance.Verify(part, Contexts.Cpu).Single(result => result.Name == check).Passed);

    [Fact]
    public void Null_is_said_with_the_member_that_gives_it()
    {
        var check = PartConformance.Verify(new Silent(), Contexts.Cpu).Single(result => result.Name == "informative_timesteps");

        Assert.Equal((false, "InformativeTimesteps is null"), (check.Passed, check.Sentence));
        Assert.Equal(
            "the part gives null, so it does not hold that a perfect prediction gives back x0 and ε",
            PartConformance.Verify(new Silent(), Contexts.Cpu).Single(result => result.Name == "round_trip").Sentence);
    }

    internal sealed record NoOptions;

    private sealed class Unsaid : ISampler<NoOptions>
    {
        public Sampler Create(NoOptions options, PartContext context) => null!;
    }

    private sealed class Silent : INoiseStrategy<NoOptions>
    {
        public NoiseProcess Create(NoOptions options, DiffusionShape shape, PartContext context) =>
            new Process(((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(new RFlowOptions(), shape, context));

        private sealed class Process(NoiseProcess right) : WrappedProcess(right)
        {
            public override IReadOnlyList<double> InformativeTimesteps => null!;

            public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => null!;
        }
    }

    private sealed class WrongSign : INoiseStrategy<NoOptions>
    {
        public NoiseProcess Create(NoOptions options, DiffusionShape shape, PartContext context) =>
            new Process(((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(new RFlowOptions(), shape, context));

        private sealed class Process(NoiseProcess right) : WrappedProcess(right)
        {
            public override double TimestepQuantile(double share) => Right.TimestepQuantile(1 - share);

            public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) =>
                -Right.Derivative(noisy, prediction, timesteps);
        }
    }

    private abstract class WrappedProcess(NoiseProcess right) : NoiseProcess
    {
        protected NoiseProcess Right => right;

        public override double Alpha(double t) => right.Alpha(t);

        public override double Sigma(double t) => right.Sigma(t);

        public override Tensor SampleTimesteps(long batch, Generator random) => right.SampleTimesteps(batch, random);

        public override double TimestepQuantile(double share) => right.TimestepQuantile(share);

        public override Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps) => right.AddNoise(clean, noise, timesteps);

        public override Tensor Target(Tensor clean, Tensor noise, Tensor timesteps) => right.Target(clean, noise, timesteps);

        public override Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps) => right.Clean(noisy, prediction, timesteps);

        public override Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps) => right.Noise(noisy, prediction, timesteps);

        public override Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps) =>
            right.Derivative(noisy, prediction, timesteps);

        public override double[] TimeGrid(int steps) => right.TimeGrid(steps);
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

    /// <summary>Says that it is lossy, and encodes what it decoded to something else.</summary>
    private sealed class Rounding : ICompressor<NoOptions>
    {
        public bool IsLearned => false;

        public bool IsLossy(NoOptions options) => true;

        public VolumeShape LatentShape(NoOptions options, VolumeShape volume) => volume;

        public Compressor Create(NoOptions options, PartContext context) => new Halves();

        private sealed class Halves() : Compressor(nameof(Halves))
        {
            public override Tensor Encode(Tensor volume) => volume.sqrt();

            public override Tensor Decode(Tensor latent) => latent.clone();
        }
    }

    /// <summary>Brightens masks too, beyond their range, in place.</summary>
    private sealed class Brightening : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Twice();

        private sealed class Twice : Augmentation
        {
            public override bool ChangesVolumes => true;

            public override TrainingVolumes ApplyToVolumes(TrainingVolumes volumes, Generator random)
            {
                foreach (var image in volumes.Images)
                    image.Voxels.mul_(S(2.0));
                return volumes;
            }
        }
    }

    /// <summary>A ratio whose best value it takes for 2.</summary>
    private sealed class Beside : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Ratio();

        private sealed class Ratio : SetMetric
        {
            public override MetricInputKind Needs => MetricInputKind.Volumes;

            public override double? BestValue => 2;

            public override string Extractor => "deviation";

            public override Tensor Features(Tensor volumes) => volumes.std([1, 2, 3, 4]).unsqueeze(1);

            public override MetricResult Compare(Tensor real, Tensor generated) =>
                MetricResult.Mean([generated.mean().ToDouble() / real.mean().ToDouble()]);
        }
    }

    private sealed class Nowhere : INoiseStrategy<NoOptions>
    {
        public NoiseProcess Create(NoOptions options, DiffusionShape shape, PartContext context) => new Process(
            ((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(new RFlowOptions(), shape, context));

        private sealed class Process(NoiseProcess right) : WrappedProcess(right)
        {
            public override IReadOnlyList<double> InformativeTimesteps => [500, 250];
        }
    }

    internal sealed record TooLow
    {
        [System.ComponentModel.DataAnnotations.Range(1, 8)]
        public int Width { get; init; }
    }

    private sealed class Dropping : IAugmentation<TooLow>
    {
        public Augmentation Create(TooLow options, DiffusionShape shape, PartContext context) => new None();

        private sealed class None : Augmentation
        {
            public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random) => [];
        }
    }
}
