using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Sweeps;

/// <summary>
/// A run's folder <c>sweeps</c>: what became of each configuration as a file of its own, <c>configurations/NAME-KEY.json</c>. The key is
/// all that the numbers follow from, so that what was found under other circumstances stays, and is never taken for it.
/// </summary>
/// <param name="run">The run.</param>
/// <param name="warned">Called once with a sentence for each file that is not what was written.</param>
public sealed class SweepFolder(RunFolder run, Action<string>? warned = null)
{
    /// <summary>The key of the plugins among all that numbers follow from.</summary>
    internal const string Plugins = "plugins";

    private readonly HashSet<string> _distrusted = [];
    private bool _toldOfPlugins;

    private string Configurations => Path.Combine(run.Sweeps, "configurations");

    /// <summary>
    /// Keeps other processes from sweeping this run until the lock is disposed or this process ends, however it ends. Makes the folder.
    /// </summary>
    /// <exception cref="RunFolderException">Another process sweeps it, or the folder cannot be written.</exception>
    public IDisposable Lock() => run.Hold(Path.Combine(run.Sweeps, "sweep.lock"), "swept");

    /// <summary>
    /// What was found of a configuration under this key; null where that was not finished, or its file was changed or
    /// is damaged, which is said.
    /// </summary>
    internal SweptConfiguration? Find(string name, JsonObject key)
    {
        var file = FileOf(name, key);
        try
        {
            if (RunFile.ReadSealed<Finished>(file, "it counts as not done, and is measured anew where it is asked for") is not { } finished)
                return OfOtherPlugins(name, key);
            if (JsonNode.DeepEquals(finished.Key, key) && finished.Result.Name == name)
                return finished.Result;
            Distrust(
                file,
                $"{file} is of another configuration than its name says; it counts as not done, "
                + "and is measured anew where it is asked for");
        }
        catch (RunFolderException e)
        {
            Distrust(file, e.Message);
        }

        return null;
    }

    /// <summary>Says once, where what was found is of other builds of plugins, that it is not taken.</summary>
    private SweptConfiguration? OfOtherPlugins(string name, JsonObject key)
    {
        if (_toldOfPlugins || !Directory.Exists(Configurations))
            return null;
        foreach (var file in Directory.GetFiles(Configurations, $"{name}-*.json").Order(StringComparer.Ordinal))
        {
            if (KeyOf(file) is not { } other || !JsonNode.DeepEquals(Without(other), Without(key)))
                continue;
            var changed = key[Plugins]!.AsObject().Where(plugin => !JsonNode.DeepEquals(plugin.Value, other[Plugins]?[plugin.Key]))
                .Select(plugin => plugin.Key);
            warned?.Invoke($"what {Configurations} holds was measured with other builds of plugins ({string.Join(", ", changed)}); it "
                + "stays, and is measured anew with those that are here");
            _toldOfPlugins = true;
            break;
        }

        return null;

        static JsonNode Without(JsonObject key)
        {
            var rest = key.DeepClone().AsObject();
            rest.Remove(Plugins);
            return rest;
        }
    }

    private static JsonObject? KeyOf(string file)
    {
        try
        {
            return RunFile.ReadSealed<Finished>(file, "it is not taken")?.Key;
        }
        catch (RunFolderException)
        {
            return null; // of another name it is nobody's concern here
        }
    }

    private void Distrust(string file, string sentence)
    {
        if (_distrusted.Add(file))
            warned?.Invoke(sentence);
    }

    /// <summary>Keeps what was found of a configuration.</summary>
    internal void Keep(JsonObject key, SweptConfiguration result)
    {
        Unwritten.Named(Configurations, () => Directory.CreateDirectory(Configurations));
        SealedJson.Write(DiskFiles.Instance, FileOf(result.Name, key), new Finished(key, result));
    }

    private string FileOf(string name, JsonObject key)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key.ToJsonString())));
        return Path.Combine(Configurations, $"{name}-{hash[..12]}.json");
    }

    /// <summary>A finished configuration.</summary>
    /// <param name="Key">What it follows from.</param>
    /// <param name="Result">What was found.</param>
    private sealed record Finished(JsonObject Key, SweptConfiguration Result);
}
