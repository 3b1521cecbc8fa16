using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

public sealed class DiversityTests
{
    private static Metric Diversity(Unlikeness by, int pairs = 500) =>
        new DiversityMetric().Create(new() { By = by, Grid = 24, Pairs = pairs }, Contexts.Cpu);

    [Fact]
    public void Volumes_that_are_all_the_same_have_none()
    {
        using var scope = NewDisposeScope();
        manual_seed(3);
        var real = rand([3, 1, 24, 24, 24]);

        var result = Diversity(Unlikeness.MsSsim).Compute(real, real.narrow(0, 0, 1).expand(4, -1, -1, -1, -1));

        Assert.Equal(0, result.Value, 1e-9);
        Assert.Equal((6.0, 4.0, 3.0), (result.Details["pairs"], result.Details["n_generated"], result.Details["n_real"]));
        Assert.True(result.Details["real"] > 0.5); // noise
    }

    [Fact]
    public void Masks_are_unlike_by_one_less_their_overlap()
    {
        using var scope = NewDisposeScope();
        // 8, 8 and 8 voxels; the first two share 4, the third shares none: dice (2·4 + 1)/(8 + 8 + 1) and twice 1/17
        var masks = stack([Box(0), Box(1), Box(10)], 0);

        var result = Diversity(Unlikeness.Dice).Compute(masks, masks);

        Assert.Equal(((1 - 9.0 / 17) + 2 * (1 - 1.0 / 17)) / 3, result.Value, 1e-6);
        Assert.Equal(result.Value, result.Details["real"], 1e-12);
        Assert.Equal(1 - 9.0 / 17, result.Details["least"], 1e-6);
    }

    [Fact]
    public void Fewer_pairs_are_spread_evenly()
    {
        using var scope = NewDisposeScope();
        var masks = stack([Box(0), Box(1), Box(10)], 0);

        // of (0, 1), (0, 2) and (1, 2) the first two
        Assert.Equal(((1 - 9.0 / 17) + (1 - 1.0 / 17)) / 2, Diversity(Unlikeness.Dice, pairs: 2).Compute(masks, masks).Value, 1e-6);
    }

    [Fact]
    public void By_lpips_it_is_the_distance_itself()
    {
        using var scope = NewDisposeScope();
        var folder = Directory.CreateTempSubdirectory("voxelzoo-diversity-");
        try
        {
            // with features that are the slice itself, the share of places where just one of two volumes is 0
            var network = TorchScriptNetwork.Write(Path.Combine(folder.FullName, "network.pt"), "x");
            var volumes = full([2, 1, 24, 24, 24], S(0.7));
            volumes[1, 0, 5].zero_(); // one slice of 24
            var metric = new DiversityMetric().Create(new() { By = Unlikeness.Lpips, Network = network }, Contexts.Cpu);

            Assert.Equal(1.0 / 24, metric.Compute(volumes, volumes).Value, 1e-6);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Network_is_of_lpips_alone()
    {
        var refused = Assert.Throws<PlanException>(() =>
            new DiversityMetric().Create(new DiversityOptions { By = Unlikeness.Dice, Network = "a.pt" }, Contexts.Cpu));
        var missing = Assert.Throws<PlanException>(() =>
            new DiversityMetric().Create(new DiversityOptions { By = Unlikeness.Lpips }, Contexts.Cpu));

        Assert.Equal(("network", "network"), (refused.Key, missing.Key));
        Assert.Equal(["a.pt"], new DiversityMetric().Networks(new DiversityOptions { By = Unlikeness.Lpips, Network = "a.pt" }));
    }

    [Fact]
    public void Single_volume_is_refused() =>
        Assert.Contains("needs 2 or more", Assert.Throws<ArgumentException>(() =>
        {
            using var scope = NewDisposeScope();
            Diversity(Unlikeness.Dice).Compute(zeros([2, 1, 24, 24, 24]), zeros([1, 1, 24, 24, 24]));
        }).Message, StringComparison.Ordinal);

    private static Tensor Box(int at)
    {
        var mask = zeros([1, 24, 24, 24]);
        mask.narrow(1, at, 2).narrow(2, 0, 2).narrow(3, 0, 2).fill_(S(1.0));
        return mask;
    }
}
