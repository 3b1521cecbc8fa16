namespace VoxelZoo.Engine.Runs;

/// <summary>How a split differs from what a run recorded of it.</summary>
/// <param name="Split">The split; or <c>cohort.json</c>, of whose kinds of image those are named whose numbers mean something else.</param>
/// <param name="Added">Patients that were not there.</param>
/// <param name="Removed">Patients that are there no more.</param>
/// <param name="Changed">Patients whose images are others.</param>
public sealed record DataChange(string Split, IReadOnlyList<string> Added, IReadOnlyList<string> Removed, IReadOnlyList<string> Changed)
{
    /// <summary>Whether the run recorded its patients one by one, so that those which changed can be named.</summary>
    public bool IsNamed { get; init; } = true;

    /// <summary>The splits that are not what a run recorded; none where all are.</summary>
    /// <param name="recorded">By split, from provenance.json.</param>
    /// <param name="found">By split, of the cohort that is there.</param>
    public static IReadOnlyList<DataChange> Between(
        IReadOnlyDictionary<string, DataFacts> recorded, IReadOnlyDictionary<string, DataFacts> found) =>
        [
            .. recorded.Where(split => found.TryGetValue(split.Key, out var now) && now.Sha256 != split.Value.Sha256)
                .Select(split => Of(split.Key, split.Value, found[split.Key])),
        ];

    /// <summary>The change in words.</summary>
    public override string ToString()
    {
        if (!IsNamed)
            return $"{Split} is not what it was, and the run is of before patients were recorded one by one, "
                + "so it cannot be said which changed";
        var parts = new[] { ("added", Added), ("removed", Removed), ("changed", Changed) }.Where(part => part.Item2.Count > 0)
            .Select(part =>
                $"{part.Item1} {string.Join(", ", part.Item2.Take(5))}{(part.Item2.Count > 5 ? $" and {part.Item2.Count - 5} more" : "")}");
        return $"in {Split}: {string.Join("; ", parts)}";
    }

    private static DataChange Of(string split, DataFacts recorded, DataFacts found)
    {
        if (recorded.Volumes is not { } before || found.Volumes is not { } now)
            return new DataChange(split, [], [], []) { IsNamed = false };
        return new DataChange(
            split, [.. now.Keys.Except(before.Keys)], [.. before.Keys.Except(now.Keys)],
            [.. now.Keys.Where(name => before.TryGetValue(name, out var hash) && hash != now[name])]);
    }
}

/// <summary>A segment of a run that went on with other data than the one before.</summary>
/// <param name="Segment">Its number, from 1 for the first start.</param>
/// <param name="Changes">How its data differ.</param>
/// <param name="Before">The data before, by split.</param>
public sealed record ChangedData(int Segment, IReadOnlyList<DataChange> Changes, IReadOnlyDictionary<string, DataFacts> Before)
{
    /// <summary>Whether nobody knows what the data were before, because provenance.json was lost.</summary>
    public bool IsUnknown { get; init; }

    internal static ChangedData Unknown(int segment) => new(segment, [], new Dictionary<string, DataFacts>()) { IsUnknown = true };
}
