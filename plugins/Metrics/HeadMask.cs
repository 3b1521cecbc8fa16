using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>
/// Where in a volume the head is: what is brighter than a fifth of its bright voxels, with holes filled, away from its edge.
/// </summary>
internal static class HeadMask
{
    private const float Brightness = 0.2f;

    private const int Erosions = 2;

    /// <summary>The inside of a head.</summary>
    /// <param name="volume"><c>[D, H, W]</c>, float32, on the CPU, with its bright voxels at 1.</param>
    /// <returns>Whether a voxel is inside, <c>[D, H, W]</c>; it belongs to the current dispose scope.</returns>
    public static Tensor Inside(Tensor volume)
    {
        var grid = new Grid((int)volume.shape[0], (int)volume.shape[1], (int)volume.shape[2]);
        bool[] head = [.. volume.contiguous().data<float>().Select(value => value > Brightness)];
        FillHoles(head, grid);
        for (var i = 0; i < Erosions; i++)
            head = Eroded(head, grid);
        return tensor(head, volume.shape);
    }

    /// <summary>Fills what no way over faces of voxels leads to from the volume's border.</summary>
    private static void FillHoles(bool[] head, Grid grid)
    {
        var outside = new bool[head.Length];
        var reached = new Stack<int>();
        for (var voxel = 0; voxel < head.Length; voxel++)
            if (grid.IsBorder(voxel))
                Reach(voxel);
        while (reached.TryPop(out var voxel))
            foreach (var (neighbour, exists) in grid.Neighbours(voxel))
                if (exists)
                    Reach(neighbour);
        for (var voxel = 0; voxel < head.Length; voxel++)
            head[voxel] = !outside[voxel];

        void Reach(int voxel)
        {
            if (head[voxel] || outside[voxel])
                return;
            outside[voxel] = true;
            reached.Push(voxel);
        }
    }

    /// <summary>What has a voxel of the head at all six faces; beyond the volume there is none.</summary>
    private static bool[] Eroded(bool[] head, Grid grid)
    {
        var eroded = new bool[head.Length];
        for (var voxel = 0; voxel < head.Length; voxel++)
            eroded[voxel] = head[voxel] && grid.Neighbours(voxel).All(each => each.Exists && head[each.Voxel]);
        return eroded;
    }

    private readonly record struct Grid(int Depth, int Height, int Width)
    {
        public bool IsBorder(int voxel) => Neighbours(voxel).Any(each => !each.Exists);

        public IReadOnlyList<(int Voxel, bool Exists)> Neighbours(int voxel)
        {
            var plane = Height * Width;
            var (z, y, x) = (voxel / plane, voxel / Width % Height, voxel % Width);
            return
            [
                (voxel - plane, z > 0), (voxel + plane, z < Depth - 1),
                (voxel - Width, y > 0), (voxel + Width, y < Height - 1),
                (voxel - 1, x > 0), (voxel + 1, x < Width - 1),
            ];
        }
    }
}
