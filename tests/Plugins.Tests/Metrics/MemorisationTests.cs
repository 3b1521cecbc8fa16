using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

public sealed class MemorisationTests
{
    private static SetMetric Memorisation(double threshold = 0.5) =>
        (SetMetric)new MemorisationMetric().Create(new() { Threshold = threshold }, Contexts.Cpu);

    [Fact]
    public void Copy_is_flagged_and_noise_is_not()
    {
        using var scope = NewDisposeScope();
        manual_seed(5);
        var real = rand([5, 1, 16, 32, 32]);
        var generated = cat([real[3].unsqueeze(0), rand([2, 1, 16, 32, 32])], 0);

        var result = Memorisation().Compute(real, generated);

        Assert.Equal((1.0 / 3, 1.0, 3.0), (result.Value, result.Details["flagged"], result.Details["nearest_0"]));
        Assert.Equal((0.0, 0.0), (result.Details["feature_ratio_0"], result.Details["voxel_ratio_0"]));
        Assert.InRange(result.Details["voxel_ratio_1"], 0.9, 1.1);
        Assert.InRange(result.Details["voxel_ratio_2"], 0.9, 1.1);
    }

    [Fact]
    public void Voxel_ratio_is_one_less_the_correlation_where_training_volumes_have_none()
    {
        using var scope = NewDisposeScope();
        // three orthogonal patterns of mean 0: every distance between them is 1
        var real = stack([Stripes(2), Stripes(3), Stripes(4)], 0);
        const double Angle = 0.4;
        var mixed = (Stripes(2) * S(Math.Cos(Angle)) + Stripes(4) * S(Math.Sin(Angle))).unsqueeze(0);

        var details = Memorisation().Compute(real, mixed).Details;

        Assert.Equal(1 - Math.Cos(Angle), details["voxel_ratio_0"], 1e-4);
        Assert.Equal(1, details["lowest_training_voxel_ratio"], 1e-4);

        // sign of a bit of the place along one axis
        static Tensor Stripes(int axis)
        {
            long[] view = [1, 1, 1, 1];
            view[axis - 1] = 32;
            return tensor([.. Enumerable.Range(0, 32).Select(i => i % 2 == 0 ? -1f : 1f)], view).expand(1, 32, 32, 32);
        }
    }

    [Fact]
    public void Threshold_decides()
    {
        using var scope = NewDisposeScope();
        manual_seed(6);
        var (real, generated) = (rand([3, 1, 16, 16, 16]), rand([2, 1, 16, 16, 16]));
        var ratio = Math.Min(Ratio(0), Ratio(1));

        Assert.Equal(0, Memorisation(Math.Min(1, ratio * 0.99)).Compute(real, generated).Value);
        if (ratio < 0.99)
            Assert.NotEqual(0, Memorisation(ratio * 1.01).Compute(real, generated).Value);

        double Ratio(int i) =>
            Memorisation().Compute(real, generated).Details is var d ? Math.Min(d[$"feature_ratio_{i}"], d[$"voxel_ratio_{i}"]) : 0;
    }

    [Fact]
    public void Training_volumes_that_are_copies_of_each_other_are_refused()
    {
        using var scope = NewDisposeScope();
        var volume = rand([1, 1, 16, 16, 16]);

        var refusal = Assert.Throws<ArgumentException>(() => Memorisation().Compute(cat([volume, volume], 0), volume));
        Assert.Contains("half of the training volumes have a copy", refusal.Message, StringComparison.Ordinal);
        refusal = Assert.Throws<ArgumentException>(() => Memorisation().Compute(volume, volume));
        Assert.Contains("there is 1 training volume", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Only_the_training_set_is_a_reference() => Assert.True(Memorisation().NeedsTrainingSet);
}
