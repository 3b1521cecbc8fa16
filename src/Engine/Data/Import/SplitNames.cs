namespace VoxelZoo.Engine.Data.Import;

/// <summary>What others call the splits, in any case.</summary>
internal static class SplitNames
{
    /// <summary>The split that a word stands for, or null.</summary>
    public static string? Of(string word) => word.ToLowerInvariant() switch
    {
        "train" or "training" => Cohort.Train,
        "val" or "valid" or "validation" => Cohort.Val,
        "test" or "testing" => Cohort.Test,
        _ => null,
    };

    /// <summary>
    /// The split that a path begins with, as it is spelt, and the rest of the path; null and the whole path where it begins otherwise.
    /// </summary>
    public static (string? Split, string Place) First(string folder)
    {
        var first = folder.Split('/')[0];
        return Of(first) is not null ? (first, folder.Length == first.Length ? "" : folder[(first.Length + 1)..]) : (null, folder);
    }
}
