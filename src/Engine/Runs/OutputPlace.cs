using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Runs;

/// <summary>Whether something may be written where a user says, as opposed to whether it can be.</summary>
public static class OutputPlace
{
    /// <summary>Why not: it is something that the same command reads, or that a run keeps.</summary>
    /// <param name="path">Where it is to be written.</param>
    /// <param name="read">What the command reads, each with the name of its option; null for what was not named.</param>
    /// <returns>A sentence without the path and its full stop, or null.</returns>
    public static string? WhyNot(string path, params IEnumerable<(string Option, string? Path)> read)
    {
        var real = RealPath.Of(path);
        foreach (var (option, other) in read)
        {
            if (other is not null && RealPath.Of(other) == real)
                return $"this is what {option} names and is read; name another file";
        }

        return RunFolder.KeeperOf(real) is { } keeper
            ? $"this belongs to {keeper}, which would be damaged; name a place outside of it"
            : null;
    }
}
