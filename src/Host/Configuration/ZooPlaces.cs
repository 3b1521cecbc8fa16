using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Configuration;

/// <summary>Where an experiment's file says that its first weights lie.</summary>
internal static class ZooPlaces
{
    private const string Key = "training.from";

    /// <summary>
    /// The experiment with the whole path of the animal that it begins with, where that is found beside the experiment's file alone: in a
    /// folder <c>zoo</c> above it.
    /// </summary>
    /// <param name="file">The experiment, resolved.</param>
    /// <param name="path">Its file.</param>
    public static MapNode Whole(MapNode file, string path)
    {
        if (file["training"]?["from"] is not ScalarNode { IsNull: false, Text: var name }
            || !name.StartsWith(ZooFolder.Prefix, StringComparison.Ordinal) || ZooFolder.Find(name) is not null)
            return file;
        return NearFolders.Above(Path.GetDirectoryName(Path.GetFullPath(path))!).Select(folder => Path.Combine(folder, name))
            .FirstOrDefault(Animal.IsOne) is { } animal
            ? (MapNode)new Merger(new Dictionary<string, IReadOnlySet<string>>()).Set(
                file, Key, YamlReader.ParseValue(JsonSerializer.Serialize(animal), file.Locate(Key)))
            : file;
    }
}
