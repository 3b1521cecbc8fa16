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
}
