using System.Text.Json;

namespace VoxelZoo.Host.Configuration;

/// <summary>Where an experiment's file says that its cohort lies.</summary>
internal static class CohortPlaces
{
    /// <summary>The experiment with the whole path of its cohort, so that it names the same one from everywhere.</summary>
    /// <param name="file">The experiment, resolved.</param>
    /// <param name="folder">Where relative paths begin, or null for the working folder.</param>
    public static MapNode Whole(MapNode file, string? folder = null) =>
        file["data"]?["cohort"] is ScalarNode { IsNull: false, Text.Length: > 0 } cohort && !Path.IsPathFullyQualified(cohort.Text)
            ? At(file, Path.GetFullPath(cohort.Text, folder ?? Environment.CurrentDirectory))
            : file;

    /// <summary>The experiment with another place of its cohort.</summary>
    public static MapNode At(MapNode file, string folder) =>
        (MapNode)new Merger(new Dictionary<string, IReadOnlySet<string>>()).Set(
            file, "data.cohort", YamlReader.ParseValue(JsonSerializer.Serialize(folder), file.Locate("data.cohort")));
}
