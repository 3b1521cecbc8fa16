using System.Text.RegularExpressions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>Finds runs by the files that a run leaves, also where not all of them are there.</summary>
public static partial class RunSearch
{
    private const int Deepest = 6;

    /// <summary>
    /// The run folders among and below some folders, and those of the runs that a run trained first; each once, numbers in names in their
    /// order. One that several links lead to counts once, under the name that is met first.
    /// </summary>
    /// <param name="places">Runs, and folders of runs at any depth.</param>
    /// <returns>Full paths.</returns>
    /// <exception cref="RunFolderException">One of them is no folder.</exception>
    public static IReadOnlyList<string> Find(IEnumerable<string> places)
    {
        List<string> found = [];
        HashSet<string> seen = [];
        foreach (var place in places)
        {
            if (!Directory.Exists(place))
                throw new RunFolderException(
                    $"{place}: there is no such folder; name runs, or folders of runs{NearPaths.Suggestion(place, Directory.Exists)}");
            Search(Path.TrimEndingDirectorySeparator(Path.GetFullPath(place)), run =>
            {
                if (seen.Add(RealPath.Of(run)))
                    found.Add(run);
            });
        }

        return [.. found.OrderBy(Sortable, StringComparer.Ordinal)];
    }

    /// <summary>Short names for runs: their paths below the deepest folder that holds them all.</summary>
    /// <param name="runs">Full paths.</param>
    public static IReadOnlyDictionary<string, string> Names(IReadOnlyList<string> runs)
    {
        var common = runs.Select(run => Path.GetDirectoryName(run)!).Aggregate(Common);
        return runs.ToDictionary(run => run, run => Path.GetRelativePath(common, run).Replace('\\', '/'));
    }

    /// <summary>A name by which <c>exp9</c> comes before <c>exp10</c>.</summary>
    internal static string Sortable(string name) => Digits().Replace(name, number => number.Value.PadLeft(12, '0'));

    private static void Search(string folder, Action<string> found, int depth = 0)
    {
        var isRun = RunFolder.Signs.Any(sign => Path.Exists(Path.Combine(folder, sign)));
        if (isRun)
            found(folder);
        var below = isRun ? Path.Combine(folder, RunFolder.FirstName) : folder;
        if (depth == Deepest || !Directory.Exists(below))
            return;
        // the default options pass over what is hidden or may not be read
        foreach (var child in Directory.EnumerateDirectories(below, "*", new EnumerationOptions()))
            Search(child, found, depth + 1);
    }

    private static string Common(string a, string b)
    {
        while (a != b)
        {
            if (a.Length >= b.Length)
                a = Path.GetDirectoryName(a)!;
            else
                b = Path.GetDirectoryName(b)!;
        }

        return a;
    }

    [GeneratedRegex("[0-9]+")]
    private static partial Regex Digits();
}
