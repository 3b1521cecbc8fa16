using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Plans;

public sealed class MetricChecksTests
{
    [Fact]
    public void Volumes_too_small_for_a_metric_are_refused_with_its_name_and_the_numbers()
    {
        var refusal = Assert.Throws<PlanException>(() => Refuse(new Wide(11), new VolumeShape(1, 6, 8, 8)));

        Assert.Equal(("evaluation", "metrics"), (refusal.Section, refusal.Key));
        Assert.Equal("`Wide` cannot be computed on volumes of 1×6×8×8: 6 slices are less than 11; use more", refusal.Message);
    }

    [Fact]
    public void Volumes_that_are_large_enough_pass() => Refuse(new Wide(6), new VolumeShape(1, 6, 8, 8));

    [Fact]
    public void Metric_of_features_is_refused_that_has_no_extractor()
    {
        var refusal = Assert.Throws<PlanException>(() => Refuse(new Wide(1, MetricInputKind.Features), new VolumeShape(1, 6, 8, 8)));

        Assert.Equal(
            "`Wide` compares features, and an evaluation has volumes; set its extractor, as in {use: Wide, extractor: scattering}",
            refusal.Message);
    }

    [Fact]
    public void Metric_that_reads_no_file_is_not_optional()
    {
        var metric = TinyRun.Part<IMetric>("evaluation", new Wide(1));

        var refusal = Assert.Throws<PlanException>(() => OptionalMetrics.Present([(metric, true)]));

        Assert.Equal("`Wide` reads no file, without which it would be left out; remove optional from it", refusal.Message);
        Assert.Same(metric, Assert.Single(OptionalMetrics.Present([(metric, false)]).Metrics));
    }

    private static void Refuse(IMetric metric, VolumeShape volume)
    {
        using var random = new RandomStreams(1);
        var context = new PartContext(
            META, Precision.Float32, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance, TimeProvider.System, random);
        MetricChecks.Refuse([TinyRun.Part("evaluation", metric)], volume, sets: true, masks: false, context);
    }

    /// <summary>Needs so many slices.</summary>
    private sealed class Wide(int slices, MetricInputKind needs = MetricInputKind.PairedVolumes) : IMetric<NoOptions>
    {
        public Metric Create(NoOptions options, PartContext context) => new Needing(slices, needs);

        private sealed class Needing(int slices, MetricInputKind needs) : Metric
        {
            public override MetricInputKind Needs => needs;

            public override bool HigherIsBetter => true;

            public override void Check(VolumeShape volume)
            {
                if (volume.Depth < slices)
                    throw new ArgumentException($"{volume.Depth} slices are less than {slices}; use more");
            }

            public override MetricResult Compute(Tensor real, Tensor generated) => MetricResult.Mean([0]);
        }
    }
}
