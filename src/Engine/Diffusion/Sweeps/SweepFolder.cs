using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Sweeps;

/// <summary>
/// A run's folder <c>sweeps</c>: what became of each configuration as a file of its own, <c>configurations/NAME-KEY.json</c>. The key is all that the numbers
/// follow from, so that what was found under other circumstances stays, and is never taken for it.
/// </summary>
/// <param name="run">The run.</param>
public sealed class SweepFolder(RunFolder run)
{
    private string Configurations => Path.Combine(run.Sweeps, "configurations");

    /// <summary>Keeps other processes from sweeping this run until the lock is disposed or this process ends, however it ends. Makes the folder.</summary>
    /// <exception cref="RunFolderException">Another process sweeps it, or the folder cannot be written.</exception>
    public IDisposable Lock() => run.Hold(Path.Combine(run.Sweeps, "sweep.lock"), "swept");

    /// <summary>What was found of a configuration under this key; null where that was not finished, or its file is damaged.</summary>
    internal SweptConfiguration? Find(string name, JsonObject key)
    {
        try
        {
            return RunFolder.ReadJson<Finished>(FileOf(name, key), "") is { } finished && JsonNode.DeepEquals(finished.Key, key) ? finished.Result : null;
        }
        catch (RunFolderException)
        {
            return null;
        }
    }

    /// <summary>Keeps what was found of a configuration.</summary>
    internal void Keep(JsonObject key, SweptConfiguration result)
    {
        Unwritten.Named(Configurations, () => Directory.CreateDirectory(Configurations));
        AtomicFile.WriteJson(FileOf(result.Name, key), new Finished(key, result));
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
