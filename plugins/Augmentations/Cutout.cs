using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>A box set to 0. ω tells its size but not its place, which shows in the input.</summary>
/// <param name="Start">First voxel of the box along D, H and W.</param>
/// <param name="Size">Voxels of the box along D, H and W, at least 1.</param>
/// <param name="Grid">The grid, to which ω relates the size.</param>
internal sealed record Cutout(
    (int Depth, int Height, int Width) Start, (int Depth, int Height, int Width) Size, VolumeShape Grid) : Transform
{
    private const double Smallest = 0.1;
    private const double Largest = 0.3;

    /// <summary>A box whose sides are 10 to 30 % of the grid's, anywhere in it.</summary>
    public static Cutout Draw(VolumeShape grid, Generator random)
    {
        var size = (Side(grid.Depth), Side(grid.Height), Side(grid.Width));
        var start = (Place(grid.Depth, size.Item1), Place(grid.Height, size.Item2), Place(grid.Width, size.Item3));
        return new Cutout(start, size, grid);

        int Side(int of) => Math.Max((int)Math.Round(of * (Smallest + (Largest - Smallest) * random.Uniform())), 1);

        int Place(int of, int side) => random.Whole(0, of - side);
    }

    public override Tensor Move(Tensor weights) => weights.alias();

    public override Tensor Apply(Tensor x)
    {
        using var scope = NewDisposeScope();
        var cut = x.clone();
        cut.narrow(Depth, Start.Depth, Size.Depth).narrow(Height, Start.Height, Size.Height).narrow(Width, Start.Width, Size.Width).zero_();
        return cut.MoveToOuterDisposeScope();
    }

    public override void Describe(Span<float> omega)
    {
        omega[Omega.CutoutActive] = 1;
        omega[Omega.CutoutSize] = (float)Size.Height / Grid.Height;
        omega[Omega.CutoutSize + 1] = (float)Size.Width / Grid.Width;
        omega[Omega.CutoutSize + 2] = (float)Size.Depth / Grid.Depth;
    }
}
