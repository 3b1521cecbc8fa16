using static TorchSharp.torch;

namespace VoxelZoo.Engine.Distributed;

/// <summary>The samples of a step's batch that one process takes: equally many for each, in the order of the ranks.</summary>
/// <param name="Rank">Which share, from 0.</param>
/// <param name="Size">Into how many the batch is split.</param>
public readonly record struct BatchShare(int Rank, int Size)
{
    /// <summary>All samples.</summary>
    public static BatchShare Whole => new(0, 1);

    /// <summary>The share of what has a row for each sample of the batch; belongs to the current dispose scope.</summary>
    public Tensor Rows(Tensor whole) => Size == 1 ? whole : whole.narrow(0, Rank * (whole.shape[0] / Size), whole.shape[0] / Size);

    /// <summary>The share of a list with an entry for each sample.</summary>
    public T[] Rows<T>(ReadOnlySpan<T> whole) => whole.Slice(Rank * (whole.Length / Size), whole.Length / Size).ToArray();
}
