using System.Text.Json.Nodes;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>Plugin folders made from the fixtures that the build stages beside the tests. A folder of a test's own, gone with it.</summary>
internal sealed class Fixtures : IDisposable
{
    /// <summary>The folder of plugins; its name has what names can have.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("plugins tëst 模 ").FullName;

    /// <summary>Copies a fixture and returns the new plugin's folder.</summary>
    public string Add(string fixture, string? name = null)
    {
        var (from, to) = (Path.Combine(AppContext.BaseDirectory, "fixtures", fixture), Path.Combine(Folder, name ?? fixture));
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from))
            File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
        return to;
    }

    /// <summary>Changes one key of a plugin's manifest.</summary>
    public static void Edit(string plugin, string key, JsonNode? value)
    {
        var path = Path.Combine(plugin, "plugin.json");
        var json = JsonNode.Parse(File.ReadAllText(path))!;
        json[key] = value;
        File.WriteAllText(path, json.ToJsonString());
    }

    // loaded plugins stay mapped, which Unix allows to be deleted
    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
