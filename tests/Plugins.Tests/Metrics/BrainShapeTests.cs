using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

/// <summary>Brains of boxes: slabs that are there or not span a known space of shapes.</summary>
public sealed class BrainShapeTests
{
    private const int Grid = 16;

    private static SetMetric Metric(int components = 10) =>
        (SetMetric)new BrainShapeMetric().Create(new() { Grid = Grid, Components = components }, Contexts.Cpu);

    /// <summary>A core, with the slabs of some numbers beside it.</summary>
    private static Tensor Brain(params int[] slabs)
    {
        var volume = zeros([1, Grid, Grid, Grid]);
        volume.narrow(1, 2, 12).narrow(2, 2, 4).narrow(3, 2, 12).fill_(S(0.5));
        foreach (var slab in slabs)
            volume.narrow(1, 2, 12).narrow(2, 6 + slab, 1).narrow(3, 2, 12).fill_(S(0.5));
        return volume;
    }

    // the training shapes vary along two directions: slab 0 and slab 1
    private static Tensor Training() => stack([Brain(), Brain(0), Brain(1), Brain(0, 1), Brain(0), Brain(1)], 0);

    [Fact]
    public void Shapes_of_the_training_space_have_no_error_and_others_have_that_of_what_sticks_out()
    {
        using var scope = NewDisposeScope();
        var generated = stack([Brain(0, 1), Brain(), Brain(0, 4)], 0);

        var result = Metric().Compute(Training(), generated);

        Assert.Equal(0, result.Details["error_0"], 1e-9);
        Assert.Equal(0, result.Details["error_1"], 1e-9);
        // slab 4 of 12 × 12 blocks lies wholly outside of the space
        Assert.Equal(144.0 / (Grid * Grid * Grid), result.Details["error_2"], 1e-9);
        Assert.Equal(144.0 / (Grid * Grid * Grid) / 3, result.Value, 1e-9);
        Assert.Equal(2.0 / 3, result.Details["valid"], 1e-12);
    }

    [Fact]
    public void Fewer_components_leave_the_weaker_direction()
    {
        using var scope = NewDisposeScope();
        // slab 0 comes and goes in all, slab 1 is there in one of eight: the first component is almost slab 0 alone
        var training = stack([.. Enumerable.Range(0, 8).Select(i => i == 7 ? Brain(0, 1) : i % 2 == 0 ? Brain(0) : Brain())], 0);

        var result = Metric(components: 1).Compute(training, stack([Brain(0), Brain(1)], 0));

        Assert.True(result.Details["error_1"] > 5 * result.Details["error_0"]);
        Assert.Equal(1, result.Details["components"]);
    }

    [Fact]
    public void Holes_are_part_of_the_brain_and_bays_are_not()
    {
        using var scope = NewDisposeScope();
        var (whole, hole, bay) = (Brain(), Brain(), Brain());
        hole.narrow(1, 6, 3).narrow(2, 3, 2).narrow(3, 6, 3).fill_(S(0.0));
        bay.narrow(1, 6, 3).narrow(2, 2, 3).narrow(3, 6, 3).fill_(S(0.0));

        var features = Metric().Features(stack([whole, hole, bay], 0));

        Assert.Equal(0, (features[0] - features[1]).abs().sum().ToDouble());
        Assert.Equal(27, (features[0] - features[2]).abs().sum().ToDouble());
    }

    [Fact]
    public void Single_real_volume_is_refused() =>
        Assert.Contains("needs 2 or more", Assert.Throws<ArgumentException>(() =>
        {
            using var scope = NewDisposeScope();
            Metric().Compute(stack([Brain()], 0), stack([Brain()], 0));
        }).Message, StringComparison.Ordinal);
}
