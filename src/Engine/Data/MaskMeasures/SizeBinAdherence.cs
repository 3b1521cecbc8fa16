namespace VoxelZoo.Engine.Data.MaskMeasures;

/// <summary>How well masks keep to the numbers of tumours by size that they were asked for.</summary>
/// <param name="Volumes">Masks.</param>
/// <param name="Exact">Share of masks that have the number that was asked for in all seven bins.</param>
/// <param name="ExactBins">Share of bins, of all masks, that have it.</param>
/// <param name="MeanAbsoluteError">Mean distance of the number from what was asked for, over all bins of all masks.</param>
/// <param name="Spearman">Rank correlation of the two over all bins of all masks; 0 where one of them is constant.</param>
public sealed record SizeBinAdherence(int Volumes, double Exact, double ExactBins, double MeanAbsoluteError, double Spearman)
{
    /// <summary>Compares masks with what was asked for; null where there are none.</summary>
    /// <param name="masks">For each mask the numbers that were asked for, and those that it has.</param>
    public static SizeBinAdherence? Of(IReadOnlyCollection<(IReadOnlyList<int> Requested, IReadOnlyList<int> Measured)> masks)
    {
        if (masks.Count == 0)
            return null;
        double[] requested = [.. masks.SelectMany(mask => mask.Requested).Select(count => (double)count)];
        double[] measured = [.. masks.SelectMany(mask => mask.Measured).Select(count => (double)count)];
        var errors = requested.Zip(measured, (asked, found) => Math.Abs(asked - found)).ToArray();
        return new SizeBinAdherence(
            masks.Count,
            masks.Count(mask => mask.Requested.SequenceEqual(mask.Measured)) / (double)masks.Count,
            errors.Count(error => error == 0) / (double)errors.Length,
            errors.Average(),
            RankCorrelation.Spearman(requested, measured));
    }
}
