using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>What the runs were made with, each thing once.</summary>
public sealed record ProvenanceFacts
{
    /// <summary>Programs, libraries and plugins: name, version, hash, and how many runs used it.</summary>
    public required IReadOnlyList<UsedBinary> Binaries { get; init; }

    /// <summary>Splits: their volumes' hash, patients, and how many runs used them.</summary>
    public required IReadOnlyList<UsedData> Data { get; init; }

    /// <summary>Other files, by name and hash.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Commits of the working directories.</summary>
    public required IReadOnlyList<string> Commits { get; init; }

    /// <summary>Operating systems and runtimes.</summary>
    public required IReadOnlyList<string> Systems { get; init; }

    /// <summary>Runs that did not record it.</summary>
    public required int Unknown { get; init; }

    // the parts that the program itself has are listed as those of a plugin
    private static readonly IEqualityComparer<BinaryFacts> SameFile = EqualityComparer<BinaryFacts>.Create(
        (a, b) => a!.Sha256 == b!.Sha256, file => file.Sha256.GetHashCode(StringComparison.Ordinal));

    /// <summary>Collects it.</summary>
    internal static ProvenanceFacts Of(IReadOnlyList<ReportedRun> runs)
    {
        var known = runs.Select(run => run.Provenance).OfType<Engine.Runs.Provenance>().ToArray();
        return new ProvenanceFacts
        {
            Binaries =
            [
                .. known.SelectMany(p => p.Binaries.Select(b => (b, false))
                    .Concat(p.Plugins.Except(p.Binaries, SameFile).Select(b => (b, true)))).CountBy(used => used)
                    .OrderBy(used => used.Key.Item2).ThenBy(used => used.Key.b.Name, StringComparer.Ordinal)
                    .ThenBy(used => used.Key.b.Version, StringComparer.Ordinal)
                    .Select(used => new UsedBinary(used.Key.b.Name, used.Key.Item2, used.Key.b.Version, used.Key.b.Sha256, used.Value)),
            ],
            Data =
            [
                .. known.SelectMany(p => p.Data.Where(d => d.Value is { Patients: > 0 })
                    .Select(d => (Split: d.Key, d.Value.Patients, d.Value.Sha256))).CountBy(used => used)
                    .OrderBy(used => Array.IndexOf(Engine.Data.Cohort.AllSplits.ToArray(), used.Key.Split))
                    .ThenByDescending(used => used.Value)
                    .Select(used => new UsedData(used.Key.Split, used.Key.Patients, used.Key.Sha256, used.Value)),
            ],
            Files =
            [
                .. known.SelectMany(p => p.Files.Select(f => $"{Path.GetFileName(f.Key)} {f.Value}"))
                    .Distinct().Order(StringComparer.Ordinal),
            ],
            Commits = [.. known.Select(p => p.GitCommit).OfType<string>().Distinct()],
            Systems = [.. known.Select(p => $"{p.System}, {p.Runtime}").Distinct()],
            Unknown = runs.Count - known.Length,
        };
    }
}

/// <summary>A binary that took part.</summary>
/// <param name="Name">Assembly or plugin.</param>
/// <param name="IsPlugin">Whether it is a plugin.</param>
/// <param name="Version">Its version.</param>
/// <param name="Sha256">Its hash.</param>
/// <param name="Runs">Runs that used it.</param>
public sealed record UsedBinary(string Name, bool IsPlugin, string Version, string Sha256, int Runs);

/// <summary>A split that took part.</summary>
/// <param name="Split">Its name.</param>
/// <param name="Patients">How many there are.</param>
/// <param name="Sha256">Hash over its volumes' names and contents.</param>
/// <param name="Runs">Runs that used it.</param>
public sealed record UsedData(string Split, int Patients, string Sha256, int Runs);
