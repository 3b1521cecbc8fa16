using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Tests.Data;

public sealed class TumourSizesTests
{
    private static readonly VolumeShape Box = new(1, 48, 64, 64);
    private static readonly Spacing At256 = new(1, 0.9375, 0.9375);

    /// <summary>Marks the voxels whose centres lie in a ball.</summary>
    private static void Ball(float[] mask, Spacing spacing, double diameter, double d0, double h0, double w0)
    {
        for (var d = 0; d < Box.Depth; d++)
        {
            for (var h = 0; h < Box.Height; h++)
            {
                for (var w = 0; w < Box.Width; w++)
                {
                    var (dz, dy, dx) = ((d - d0) * spacing.Depth, (h - h0) * spacing.Height, (w - w0) * spacing.Width);
                    if (dz * dz + dy * dy + dx * dx <= diameter * diameter / 4)
                        mask[(d * Box.Height + h) * Box.Width + w] = 1;
                }
            }
        }
    }

    private static IReadOnlyList<double> Diameters(Spacing spacing, params (int D, int H, int W)[] voxels)
    {
        var mask = new float[Box.Voxels];
        foreach (var (d, h, w) in voxels)
            mask[(d * Box.Height + h) * Box.Width + w] = 1;
        return TumourSizes.Diameters(mask, Box, spacing);
    }

    [Theory]
    [InlineData(4, 0.9375)]
    [InlineData(8, 0.9375)]
    [InlineData(12, 1.875)]
    [InlineData(18, 0.9375)]
    [InlineData(25, 1.875)]
    [InlineData(35, 1.875)]
    public void Ball_has_its_diameter_but_for_the_grid(double diameter, double inPlane)
    {
        var spacing = new Spacing(1, inPlane, inPlane);
        var mask = new float[Box.Voxels];
        Ball(mask, spacing, diameter, 24, 32, 32);

        // centred on a voxel, the slices through its poles are whole millimetres away
        Assert.InRange(Assert.Single(TumourSizes.Diameters(mask, Box, spacing)), 2 * Math.Floor(diameter / 2), diameter);
    }

    [Fact]
    public void Single_voxel_has_the_smallest_voxel_size() => Assert.Equal([0.9375], Diameters(At256, (3, 4, 5)));

    [Fact]
    public void Diameter_is_the_largest_distance_of_centres() =>
        Assert.Equal([Math.Sqrt(4 * 4 + 2 * 2 + 3 * 3)], Diameters(new Spacing(2, 1, 1.5), (0, 0, 0), (1, 1, 1), (2, 2, 2), (1, 2, 2)));

    [Fact]
    public void Voxels_that_touch_at_a_corner_are_one_tumour() => Assert.Single(Diameters(At256, (1, 1, 1), (2, 2, 2)));

    [Fact]
    public void Voxels_with_a_gap_are_two_tumours() => Assert.Equal(2, Diameters(At256, (1, 1, 1), (1, 1, 3)).Count);

    [Fact]
    public void Tumours_at_the_edge_of_the_volume_do_not_wrap_around() => Assert.Equal(2, Diameters(At256, (1, 1, 63), (1, 2, 0)).Count);

    [Fact]
    public void Random_component_agrees_with_all_pairs()
    {
        var random = new Random(3);
        var voxels = new List<(int D, int H, int W)> { (10, 10, 10) };
        while (voxels.Count < 300)
        {
            var (d, h, w) = voxels[random.Next(voxels.Count)];
            (int, int, int) next = (
                Math.Clamp(d + random.Next(-1, 2), 0, 47),
                Math.Clamp(h + random.Next(-1, 2), 0, 63),
                Math.Clamp(w + random.Next(-1, 2), 0, 63));
            if (!voxels.Contains(next))
                voxels.Add(next);
        }

        var expected = voxels.Max(a => voxels.Max(b => Math.Sqrt(
            Math.Pow((a.D - b.D) * At256.Depth, 2) + Math.Pow((a.H - b.H) * At256.Height, 2) + Math.Pow((a.W - b.W) * At256.Width, 2))));
        Assert.Equal(expected, Assert.Single(Diameters(At256, [.. voxels])), 1e-9);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(2.99, 0)]
    [InlineData(3, 1)]
    [InlineData(6, 2)]
    [InlineData(10, 3)]
    [InlineData(15, 4)]
    [InlineData(20, 5)]
    [InlineData(29.99, 5)]
    [InlineData(30, 6)]
    [InlineData(300, 6)]
    public void Bins_hold_their_lower_edge(double diameter, int bin) => Assert.Equal(bin, TumourSizes.BinOf(diameter));

    [Fact]
    public void Tumours_are_counted_by_bin() => Assert.Equal([2, 0, 1, 0, 0, 0, 1], TumourSizes.Count([1, 2, 7, 31]));

    [Fact]
    public void Diameter_of_any_shape_is_that_of_all_pairs_of_voxels()
    {
        var random = new Random(11);
        var shape = new VolumeShape(1, 6, 9, 8);
        var spacing = new Spacing(1.5, 0.9375, 0.8);
        for (var trial = 0; trial < 50; trial++)
        {
            var mask = new float[shape.Voxels];
            for (var i = 0; i < mask.Length; i++)
                mask[i] = random.NextDouble() < 0.08 + 0.01 * trial ? 1 : 0;

            var found = TumourSizes.Find(mask, shape, spacing);

            var expected = Enumerable.Range(1, found.Diameters.Count).Select(label => Largest(found.Labels, label));
            Assert.Equal(expected, found.Diameters);
            Assert.Equal(mask.Count(voxel => voxel == 1), found.Voxels.Sum());
        }

        double Largest(IReadOnlyList<int> labels, int label)
        {
            var voxels = Enumerable.Range(0, labels.Count).Where(i => labels[i] == label).ToArray();
            var squares = from a in voxels from b in voxels select Square(a, b);
            return squares.Max() is > 0 and var largest ? Math.Sqrt(largest) : 0.8;
        }

        double Square(int a, int b)
        {
            var (d, h, w) = ((a / 72 - b / 72) * 1.5, (a / 8 % 9 - b / 8 % 9) * 0.9375, (a % 8 - b % 8) * 0.8);
            return d * d + h * h + w * w;
        }
    }

    // of noise almost all voxels hang together; all pairs of them took hours
    [Fact]
    public void Noise_has_the_diagonal_of_its_volume()
    {
        var shape = new VolumeShape(1, 40, 128, 128);
        var mask = new float[shape.Voxels];
        var random = new Random(3);
        for (var i = 0; i < mask.Length; i++)
            mask[i] = random.NextDouble() < 0.5 ? 1 : 0;
        (mask[0], mask[^1]) = (1, 1);

        var diameters = TumourSizes.Diameters(mask, shape, new Spacing(1, 1, 1));

        Assert.Equal(Math.Sqrt(39 * 39 + 2 * 127 * 127), diameters.Max(), 1e-9);
    }
}
