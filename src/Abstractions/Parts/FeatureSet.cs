using static TorchSharp.torch;

namespace VoxelZoo.Abstractions;

/// <summary>
/// Features <c>[n, d]</c> of a set of volumes, and the volume that each row is of. Rows of one volume, such as its slices, resemble each
/// other, so they are no samples of their own. Since contract 1.3.
/// </summary>
public sealed class FeatureSet
{
    /// <summary>Features of volumes.</summary>
    /// <param name="rows">Features <c>[n, d]</c>; they stay the caller's.</param>
    /// <param name="volumes">For each row a number that rows of its volume have, and no others.</param>
    /// <exception cref="ArgumentException">There are more or fewer numbers than rows.</exception>
    public FeatureSet(Tensor rows, IEnumerable<long> volumes)
    {
        var order = new Dictionary<long, int>();
        (Rows, Volumes) = (rows, [.. volumes.Select(volume => order.TryAdd(volume, order.Count) ? order.Count - 1 : order[volume])]);
        VolumeCount = order.Count;
        if (rows.dim() < 1 || rows.shape[0] != Volumes.Count)
            throw new ArgumentException(
                $"the features are [{string.Join(", ", rows.shape)}], and the volumes of {Volumes.Count} rows are given; "
                + "each row is of one volume");
    }

    /// <summary>The features <c>[n, d]</c>.</summary>
    public Tensor Rows { get; }

    /// <summary>The volume of each row, numbered from 0 in the order of their first rows.</summary>
    public IReadOnlyList<int> Volumes { get; }

    /// <summary>How many volumes there are.</summary>
    public int VolumeCount { get; }

    /// <summary>Features of which each row is of a volume of its own.</summary>
    /// <param name="rows">Features <c>[n, d]</c>; they stay the caller's.</param>
    public static FeatureSet OneRowEach(Tensor rows) => new(rows, Enumerable.Range(0, (int)rows.shape[0]).Select(row => (long)row));

    /// <summary>Features of several volumes as one set, in the current dispose scope.</summary>
    /// <param name="volumes">Features <c>[rows, d]</c> of each volume; they stay the caller's.</param>
    public static FeatureSet Of(IReadOnlyList<Tensor> volumes) =>
        new(cat([.. volumes], 0), volumes.SelectMany((rows, volume) => Enumerable.Repeat((long)volume, (int)rows.shape[0])));
}
