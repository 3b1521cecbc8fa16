using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data.Import;

namespace VoxelZoo.Engine.Tests.Data.Import;

public sealed class HeadRegionTests
{
    [Fact]
    public void Head_of_many_slices_is_whole_and_its_statistics_have_no_background()
    {
        var shape = new VolumeShape(1, 500, 8, 8);
        var voxels = new float[shape.Voxels];
        for (var i = 0; i < voxels.Length; i++)
            voxels[i] = i / 64 is >= 101 and <= 323 ? 60 + i % 7 : 0;

        var head = HeadRegion.Of(voxels, shape);

        Assert.Equal(new VoxelBounds((101, 323), (0, 7), (0, 7)), head.Bounds());
        Assert.Equal(223 * 64, head.Sorted(voxels).Length);
        Assert.Equal((60, 66), head.Range(voxels));
    }

    [Fact]
    public void Volume_of_one_intensity_is_the_head_as_a_whole()
    {
        var shape = new VolumeShape(1, 5, 6, 7);

        Assert.Equal(new VoxelBounds((0, 4), (0, 5), (0, 6)), HeadRegion.Of(new float[shape.Voxels], shape).Bounds());
    }

    /// <summary>A hole is the head's, and a bright part that is not connected with it is not.</summary>
    [Fact]
    public void Head_is_the_largest_part_with_its_holes()
    {
        var shape = new VolumeShape(1, 12, 12, 12);
        var voxels = new float[shape.Voxels];
        for (var i = 0; i < voxels.Length; i++)
        {
            var (d, h, w) = (i / 144, i / 12 % 12, i % 12);
            var isHole = (d, h, w) is (5, 5, 5);
            voxels[i] = (d, h, w) is (>= 2 and <= 8, >= 3 and <= 7, >= 1 and <= 9) && !isHole || (d, h, w) is (11, 11, 11) ? 80 : 0;
        }

        var head = HeadRegion.Of(voxels, shape);

        Assert.Equal(new VoxelBounds((2, 8), (3, 7), (1, 9)), head.Bounds());
        Assert.Equal(7 * 5 * 9, head.Sorted(voxels).Length);
        Assert.Equal((0, 80), head.Range(voxels));
    }

    /// <summary>As of a limb that was scanned over a long way and padded to a square.</summary>
    [Fact]
    public void Head_that_lies_between_the_middles_of_cells_is_found()
    {
        var shape = new VolumeShape(1, 2, 640, 640);
        var voxels = new float[shape.Voxels];
        for (var i = 0; i < voxels.Length; i++)
            voxels[i] = (i / 640 % 640, i % 640) is (>= 100 and <= 500, >= 311 and <= 314) ? 100 + i % 2 : 0;

        var head = HeadRegion.Of(voxels, shape);

        Assert.Equal(new VoxelBounds((0, 1), (100, 500), (311, 314)), head.Bounds());
        Assert.Equal(2 * 401 * 4, head.Sorted(voxels).Length);
    }
}
