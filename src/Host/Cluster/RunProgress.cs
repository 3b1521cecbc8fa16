using System.Globalization;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Cluster;

/// <summary>How far a run is, as its checkpoints have it: what was done after the last one would be done again.</summary>
internal static class RunProgress
{
    /// <summary>Steps in the newest checkpoints of a run and of those that it trains first. 0 where there is no run yet.</summary>
    public static long Steps(string run)
    {
        var first = Path.Combine(run, "first");
        var before = Directory.Exists(first) ? Directory.EnumerateDirectories(first).Sum(Steps) : 0;
        var latest = Path.Combine(run, "checkpoints", "latest");
        return before + (File.Exists(latest) ? Step(RegularFile.ReadText(latest).Trim()) : 0);
    }

    /// <summary>How the run stands, or null where it has no status that can be read.</summary>
    public static RunStatus? Status(string run)
    {
        try
        {
            return File.Exists(Path.Combine(run, "experiment.yaml")) ? RunFolder.Open(run).ReadStanding() : null;
        }
        catch (RunFolderException)
        {
            return null;
        }
    }

    /// <summary>The step in a checkpoint's name, <c>step-XXXXXXXX</c>.</summary>
    private static long Step(string checkpoint) =>
        long.TryParse(checkpoint.Split('-')[^1], NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : 0;
}
