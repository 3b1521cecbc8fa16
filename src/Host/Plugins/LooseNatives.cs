using System.Security.Cryptography;
using System.Text.Json;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Plugins;

/// <summary>
/// Native libraries that lie beside a plugin's assembly and that its <c>deps.json</c> does not name. .NET keeps those by the name under
/// which code asks for them, for the whole process: a second plugin would get the library of the first. One that the dependencies name is
/// found by the plugin's own context.
/// </summary>
internal static class LooseNatives
{
    /// <summary>Refuses a plugin that has such a library under the name of another one of a plugin that is loaded.</summary>
    /// <param name="plugin">The plugin that is to be loaded.</param>
    /// <param name="loaded">Those that are.</param>
    /// <exception cref="PluginException">It has.</exception>
    public static void RefuseMixed(Plugin plugin, IEnumerable<Plugin> loaded)
    {
        var own = Of(plugin);
        if (own.Count == 0)
            return;
        foreach (var other in loaded)
        {
            var theirs = Of(other);
            if (own.FirstOrDefault(file => theirs.TryGetValue(file.Key, out var same) && !AreEqual(file.Value, same)).Key is { } name)
            {
                throw new PluginException(
                    $"the plugin `{plugin.Id}` ({plugin.Path}) cannot be used beside `{other.Id}` ({other.Path}): "
                    + $"each has a {name} of its own, and .NET would give both the first one; "
                        + "rename one of the two, or have it named in the plugin's .deps.json, as the native asset of a package is");
            }
        }
    }

    private static Dictionary<string, string> Of(Plugin plugin)
    {
        var files = Directory.EnumerateFiles(plugin.Path).Where(IsNative).ToArray();
        if (files.Length == 0)
            return [];
        var named = Named(Path.ChangeExtension(plugin.Assembly!, ".deps.json"));
        return files.Where(file => !named.Contains(Path.GetFileName(file)))
            .ToDictionary(file => Path.GetFileName(file), StringComparer.Ordinal);
    }

    private static bool IsNative(string file) => Path.GetFileName(file) is var name
        && (name.EndsWith(".so", StringComparison.Ordinal)
            || name.Contains(".so.", StringComparison.Ordinal)
            || name.EndsWith(".dylib", StringComparison.Ordinal));

    /// <summary>The files that the dependencies name, wherever in them.</summary>
    private static HashSet<string> Named(string dependencies)
    {
        if (!File.Exists(dependencies))
            return [];
        using var json = JsonDocument.Parse(RegularFile.ReadText(dependencies));
        return
        [
            .. json.RootElement.TryGetProperty("targets", out var targets)
                ? Keys(targets).Select(key => key[(key.LastIndexOf('/') + 1)..])
                : [],
        ];
    }

    private static IEnumerable<string> Keys(JsonElement element) => element.ValueKind == JsonValueKind.Object
        ? element.EnumerateObject().SelectMany(member => Keys(member.Value).Prepend(member.Name))
        : [];

    private static bool AreEqual(string one, string other) => Hash(one).SequenceEqual(Hash(other));

    private static byte[] Hash(string path)
    {
        using var file = RegularFile.OpenRead(path);
        return SHA256.HashData(file);
    }
}
