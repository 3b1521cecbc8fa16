using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Augmentations;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.Augmentations;

public sealed class PatternTests
{
    // shares of the plane that each id sets to 0, by the ids' definition
    private static readonly double[] Shares = [.5, .5, .5, .5, .25, .25, .5, .5, 2 / 16.0, 2 / 16.0, 3 / 16.0, 4 / 16.0, .25, .25, .5, .5];

    /// <summary>What is left of ones, <c>[D][H][W]</c> flattened, by pattern.</summary>
    private static Dictionary<int, float[]> Kept(VolumeShape grid)
    {
        var options = new ScoreAugOptions { Rotation = false, Flip = false, Patterns = true, DestructiveProbability = 1 };
        var augmentation = ((IAugmentation<ScoreAugOptions>)new ScoreAugAugmentation())
            .Create(options, new DiffusionShape(grid, grid, 1), Contexts.Cpu);
        using var random = new Generator(1, CPU);
        var kept = new Dictionary<int, float[]>();
        for (var draw = 0; draw < 300; draw++)
        {
            using var scope = NewDisposeScope();
            var drawn = augmentation.Apply(Terms.Of(ones(grid.Batch(1))), Terms.Flow, random).Single();
            var id = drawn.Omega![0, 16..32].argmax().item<long>();
            Assert.Equal((1f, 1f), (drawn.Omega[0, 3].item<float>(), drawn.Omega[0, 16..32].sum().item<float>()));
            kept.TryAdd((int)id, drawn.Clean.data<float>().ToArray());
        }

        return kept;
    }

    private static int[] Holes(float[] kept, int size, int fields) =>
    [
        .. Enumerable.Range(0, fields * fields).Where(
            field => kept[field / fields * (size / fields) * size + field % fields * (size / fields)] == 0),
    ];

    [Fact]
    public void Sixteen_patterns_cut_out_the_share_they_are_defined_by_at_every_depth()
    {
        var kept = Kept(new VolumeShape(1, 3, 16, 16));
        Assert.Equal(Enumerable.Range(0, 16), kept.Keys.Order());
        foreach (var (id, values) in kept)
        {
            Assert.Equal(Shares[id], values.Count(value => value == 0) / (double)values.Length, 1e-12);
            Assert.Equal(values[..256], values[256..512]);
            Assert.Equal(values[..256], values[512..]);
        }

        Assert.Equal(16, kept.Values.Select(values => string.Join(' ', values)).Distinct().Count());
    }

    [Fact]
    public void Checkerboards_alternate_and_come_in_pairs()
    {
        var kept = Kept(new VolumeShape(1, 1, 16, 16));
        foreach (var (id, fields) in new[] { (0, 4), (2, 8) })
            for (var (i, field) = (0, 16 / fields); i < 256; i++)
            {
                var dark = (i / 16 / field + i % 16 / field) % 2 == 0;
                Assert.Equal((dark ? 0 : 1, dark ? 1 : 0), (kept[id][i], kept[id + 1][i]));
            }
    }

    // numpy.random.RandomState(42).permutation(16) begins 0, 1, 5, 14 in some order, and so on
    [Fact]
    public void Random_fields_are_those_of_the_original()
    {
        var kept = Kept(new VolumeShape(1, 1, 16, 16));
        Assert.Equal([0, 1, 5, 14], Holes(kept[4], 16, 4));
        Assert.Equal([0, 4, 7, 10], Holes(kept[5], 16, 4));
        Assert.Equal([0, 5, 9, 12, 13, 16, 25, 34, 36, 40, 44, 50, 52, 56, 58, 61], Holes(kept[12], 16, 8));
        // half of them begin with the same draws as a quarter
        foreach (var quarter in new[] { 4, 5, 12, 13 })
            Assert.All(kept[quarter].Zip(kept[quarter + 2]), pair => Assert.True(pair.First >= pair.Second));
    }

    [Fact]
    public void Coarse_holes_are_quarters_of_a_side_at_corners_and_at_the_upper_edge()
    {
        var kept = Kept(new VolumeShape(1, 1, 16, 16));
        bool[] Corners(int id) => [.. new[] { 0, 15, 240, 255 }.Select(corner => kept[id][corner] == 0)];
        Assert.Equal([true, false, false, true], Corners(8));
        Assert.Equal([false, true, true, false], Corners(9));
        Assert.Equal([false, false, true, true], Corners(10));
        Assert.Equal([true, true, true, true], Corners(11));
        Assert.Equal((1f, 0f, 0f, 1f), (kept[10][5], kept[10][6], kept[10][9], kept[10][10]));
    }

    [Fact]
    public void Fields_of_a_plane_that_does_not_divide_differ_by_one_voxel_at_most()
    {
        var kept = Kept(new VolumeShape(1, 1, 9, 10));
        // the first column of the finest checkerboard: runs of equal values along H
        var column = Enumerable.Range(0, 9).Select(row => kept[2][row * 10]).ToArray();
        Assert.Equal([0, 0, 1, 0, 1, 0, 1, 0, 1], column);
    }
}
