using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Compression;

/// <summary>Cuts a block out of a volume, at a place that depends on seed, epoch and sample alone.</summary>
/// <param name="Size">Size of the block; at most the volume's.</param>
/// <param name="Seed">The run's seed.</param>
public sealed record RandomCrop(VolumeShape Size, long Seed)
{
    /// <summary>The block <c>[1, 1, D, H, W]</c>, and how many of its slices are real. Padding is cut only where there are too few real slices.</summary>
    /// <param name="volume"><c>[1, 1, D, H, W]</c>; stays the caller's.</param>
    /// <param name="realSlices">Slices of the volume that are real.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="sample">Place of the volume among the samples.</param>
    internal (torch.Tensor Block, int RealSlices) Cut(torch.Tensor volume, int realSlices, int epoch, int sample)
    {
        var random = new SeededRandom(Seed, $"{RandomStreams.Data}/crop/{epoch}/{sample}");
        var (from, shape) = (new int[3], VolumeShape.Of(volume));
        (int Size, int Of)[] axes = [(Size.Depth, Math.Max(realSlices, Size.Depth)), (Size.Height, shape.Height), (Size.Width, shape.Width)];
        for (var axis = 0; axis < 3; axis++)
            from[axis] = random.Below(axes[axis].Of - axes[axis].Size + 1);
        using var scope = torch.NewDisposeScope();
        var block = volume.narrow(2, from[0], Size.Depth).narrow(3, from[1], Size.Height).narrow(4, from[2], Size.Width).contiguous().clone();
        return (block.DetachFromDisposeScope(), Math.Min(Size.Depth, realSlices - from[0]));
    }
}
