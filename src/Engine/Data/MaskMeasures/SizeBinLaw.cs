
namespace VoxelZoo.Engine.Data.MaskMeasures;

/// <summary>
/// How many tumours the masks of a cohort have, and of which sizes: a law from which numbers of tumours are drawn that no patient needs to
/// have. The number of tumours is one of the masks', each as likely as another; then each tumour's bin is that of one of all tumours.
/// </summary>
public sealed class SizeBinLaw
{
    private readonly int[] _totals;
    private readonly int[] _bins;

    /// <summary>The law of some masks.</summary>
    /// <param name="masks">Numbers of tumours by size of each.</param>
    public SizeBinLaw(IEnumerable<IReadOnlyList<int>> masks)
    {
        var counts = masks.ToArray();
        _totals = [.. counts.Select(bins => bins.Sum())];
        _bins = [.. counts.SelectMany(bins => bins.SelectMany((count, bin) => Enumerable.Repeat(bin, count)))];
    }

    /// <summary>The law of a split's masks.</summary>
    public static SizeBinLaw Of(CohortDataset masks) => new(Enumerable.Range(0, masks.Count).Select(masks.SizeBinsOf));

    /// <summary>Numbers of tumours by size; the same seed and number give the same on every machine.</summary>
    /// <param name="seed">The seed.</param>
    /// <param name="number">Number of the mask that is to have them.</param>
    public int[] Draw(long seed, int number)
    {
        var random = new SeededRandom(seed, $"size_bins/{number}");
        var drawn = new int[TumourSizes.Edges.Count];
        for (var left = _totals[random.Below(_totals.Length)]; left > 0; left--)
            drawn[_bins[random.Below(_bins.Length)]]++;
        return drawn;
    }
}
