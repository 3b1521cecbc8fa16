using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Tests.Data;

public sealed class ComponentsTests
{
    [Fact]
    public void Voxels_that_share_a_corner_hang_together_by_corners_and_not_by_faces()
    {
        var shape = new VolumeShape(1, 2, 2, 3);
        bool[] mask =
        [
            true, false, false, /**/ false, false, true,
            false, false, true, /**/ false, false, true,
        ];

        var faces = Components.Of(mask, shape, Neighbourhood.Faces);
        var corners = Components.Of(mask, shape, Neighbourhood.Corners);

        Assert.Equal([1, 0, 0, 0, 0, 2, 0, 0, 2, 0, 0, 2], faces.Labels);
        Assert.Equal([1, 3], faces.Sizes);
        Assert.Equal(2, faces.Largest);
        Assert.Equal([1, 3], corners.Sizes); // (0, 0, 0) and (0, 1, 2) are two columns apart
        Assert.Equal([2], Components.Of([true, false, false, true], new VolumeShape(1, 1, 2, 2), Neighbourhood.Corners).Sizes);
    }

    [Fact]
    public void Brain_is_the_largest_component_with_its_holes_filled_and_bays_left()
    {
        var shape = new VolumeShape(1, 7, 7, 7);
        var volume = new float[shape.Voxels];
        void Fill(int d0, int h0, int w0, int size, float value)
        {
            for (var d = d0; d < d0 + size; d++)
                for (var h = h0; h < h0 + size; h++)
                    volume.AsSpan((d * 7 + h) * 7 + w0, size).Fill(value);
        }

        Fill(1, 1, 1, 5, 0.5f); // 125 voxels
        Fill(2, 2, 2, 2, 0); // a hole of 8
        Fill(1, 4, 4, 1, 0); // a bay of 1
        Fill(6, 6, 6, 1, 0.9f); // a second component: it touches the brain by nothing

        var brain = BrainMask.Of(volume, shape, 0.05);

        Assert.Equal(124, brain.Voxels.Count(inside => inside));
        Assert.Equal(1 / 116.0, brain.Second, 1e-12);
        Assert.Equal(0, BrainMask.Of(new float[shape.Voxels], shape, 0.05).Second);
        Assert.True(BrainMask.Of(new float[shape.Voxels], shape, 0.05).IsEmpty);
    }

    [Fact]
    public void Dilated_brain_of_one_voxel_is_an_octahedron()
    {
        var shape = new VolumeShape(1, 7, 7, 7);
        var volume = new float[shape.Voxels];
        volume[(3 * 7 + 3) * 7 + 3] = 1;

        // 1, 7, 25, 63: the numbers of voxels within a distance along the grid
        int[] sizes = [.. Enumerable.Range(0, 4).Select(n => BrainMask.Of(volume, shape, 0.05, n).Voxels.Count(inside => inside))];

        Assert.Equal([1, 7, 25, 63], sizes);
    }
}
