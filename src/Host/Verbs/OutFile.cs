using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Host.Verbs;

/// <summary>The file that <c>--out</c> names.</summary>
internal static class OutFile
{
    /// <summary>Refuses a file that the same command reads, or that belongs to a run, before anything is computed.</summary>
    /// <param name="file">The file.</param>
    /// <param name="read">What the command reads, each with the name of its option; null for what was not named.</param>
    /// <exception cref="UsageException">It is one.</exception>
    public static void Require(string file, params IEnumerable<(string Option, string? Path)> read)
    {
        if (OutputPlace.WhyNot(file, read) is { } why)
            throw new UsageException($"--out {file}: {why}");
    }
}
