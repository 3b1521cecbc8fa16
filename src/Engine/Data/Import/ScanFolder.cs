using System.Text;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>Where a scan is written, which is a folder of its own below a split of the cohort and nothing else.</summary>
internal static class ScanFolder
{
    // of the 255 that file systems take: names of files that are being written are longer
    private const int LongestName = 200;

    /// <summary>Why a patient, a visit or a scan may not be called so, as the end of a sentence, or null where it may.</summary>
    public static string? WhyNoName(string name) => name switch
    {
        "" => "is empty",
        "." or ".." => "stands for another folder",
        _ when name.Any(char.IsControl) => "has a control character",
        _ when name.Contains('/') || name.Contains('\\') || Path.IsPathRooted(name) => "has a separator of folders",
        _ when name[0] == '.' => "begins with a dot",
        _ => WhyTooLong(name),
    };

    /// <summary>Whether that is because of the name's length.</summary>
    public static string? WhyTooLong(string name) => Encoding.UTF8.GetByteCount(name) is > LongestName and var bytes
        ? $"has {bytes} bytes, of {LongestName} at most"
        : null;

    /// <summary>The folder <c>COHORT/SPLIT/NAME</c>.</summary>
    /// <exception cref="PlanException">That would be another place: not directly below the split, or behind a link.</exception>
    public static string Of(string cohort, string split, string name)
    {
        var above = Path.Combine(cohort, split);
        var folder = Path.GetFullPath(Path.Combine(above, name));
        var isBelow = Cohort.AllSplits.Contains(split) && Path.GetDirectoryName(folder) == above && Path.GetFileName(folder) == name;
        if (!isBelow || (Directory.Exists(above) && RealPath.Of(above) != Path.Combine(RealPath.Of(cohort), split)))
            throw new PlanException($"the scan `{name}` would be written to {folder}, which is no folder directly below {above}; rename "
                + "it in the source.");
        return folder;
    }
}
