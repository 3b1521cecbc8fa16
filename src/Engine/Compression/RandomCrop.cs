using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Compression;

/// <summary>Cuts a block out of a volume, at a place that depends on seed, epoch and sample alone.</summary>
/// <param name="Size">Size of the block; at most the volume's.</param>
/// <param name="Seed">The run's seed.</param>
/// <param name="Scattered">
/// Whether its slices are drawn at random of the real ones, each at most once where there are enough, and not neighbours.
/// </param>
public sealed record RandomCrop(VolumeShape Size, long Seed, bool Scattered = false)
{
    /// <summary>
    /// The block <c>[1, 1, D, H, W]</c>, and how many of its slices are real. Padding is cut only where there are too few real slices.
    /// </summary>
    /// <param name="volume"><c>[1, 1, D, H, W]</c>; stays the caller's.</param>
    /// <param name="realSlices">Slices of the volume that are real.</param>
    /// <param name="epoch">The epoch.</param>
    /// <param name="sample">Place of the volume among the samples.</param>
    internal (torch.Tensor Block, int RealSlices) Cut(torch.Tensor volume, int realSlices, int epoch, int sample)
    {
        var random = new SeededRandom(Seed, $"{RandomStreams.Data}/crop/{epoch}/{sample}");
        var (from, shape) = (new int[3], VolumeShape.Of(volume));
        (int Size, int Of)[] axes =
        [
            (Size.Depth, Math.Max(realSlices, Size.Depth)), (Size.Height, shape.Height), (Size.Width, shape.Width),
        ];
        for (var axis = 0; axis < 3; axis++)
            from[axis] = random.Below(axes[axis].Of - axes[axis].Size + 1);
        using var scope = torch.NewDisposeScope();
        if (Scattered)
            return (volume.index_select(2, torch.tensor(Slices(random, realSlices))).DetachFromDisposeScope(), Size.Depth);
        var block = volume.narrow(2, from[0], Size.Depth).narrow(3, from[1], Size.Height)
            .narrow(4, from[2], Size.Width).contiguous().clone();
        return (block.DetachFromDisposeScope(), Math.Min(Size.Depth, realSlices - from[0]));
    }

    /// <summary>Places of slices in the order in which they are drawn; where more are wanted than there are, all of them again.</summary>
    private long[] Slices(SeededRandom random, int realSlices)
    {
        List<long> drawn = [];
        while (drawn.Count < Size.Depth)
        {
            var left = Enumerable.Range(0, realSlices).Select(slice => (long)slice).ToList();
            while (left.Count > 0 && drawn.Count < Size.Depth)
            {
                var place = random.Below(left.Count);
                drawn.Add(left[place]);
                left.RemoveAt(place);
            }
        }

        return [.. drawn];
    }
}
