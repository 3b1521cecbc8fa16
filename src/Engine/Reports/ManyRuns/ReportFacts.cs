using System.Text.Json.Nodes;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>Everything that the report of many runs says, for programs.</summary>
public sealed record ReportFacts
{
    private static readonly string[] Untold =
    [
        "id", "title", "extends", "profiles", "expect", "sampling", "evaluation", "data.cohort", "data.synthesize", "data.latents",
        "data.workers", "training.epochs",
        "training.device", "training.check_memory", "training.validate_every", "training.checkpoint_every",
        "training.keep_checkpoints", "training.keep_every",
    ];

    /// <summary>When the first run was started, or null.</summary>
    public required DateTimeOffset? From { get; init; }

    /// <summary>When the last one was written, or null.</summary>
    public required DateTimeOffset? To { get; init; }

    /// <summary>The runs, those of an experiment beside each other.</summary>
    public required IReadOnlyList<ReportedRun> Runs { get; init; }

    /// <summary>Runs that may be compared; also those with which nothing can be.</summary>
    public required IReadOnlyList<Ranking> Rankings { get; init; }

    /// <summary>What went wrong.</summary>
    public required IReadOnlyList<Problem> Problems { get; init; }

    /// <summary>What the runs were made with.</summary>
    public required ProvenanceFacts Provenance { get; init; }

    /// <summary>Reads runs. What cannot be read is a problem, and no more.</summary>
    /// <param name="places">Run folders, and folders of runs.</param>
    /// <param name="sources">Files whose formats this library does not know.</param>
    /// <exception cref="RunFolderException">A place is no folder, or there are no runs.</exception>
    public static ReportFacts Read(IReadOnlyList<string> places, IRunSources sources)
    {
        var paths = RunSearch.Find(places);
        if (paths.Count == 0)
            throw new RunFolderException(
                $"{string.Join(", ", places)}: there are no runs; a run is a folder with an experiment.yaml, which train makes");
        var (reader, names) = (new RunReader(sources), RunSearch.Names(paths));
        var runs = WithSettings([.. paths.Select(path => reader.Read(path, names[path])).OfType<ReportedRun>()]);
        return new ReportFacts
        {
            From = runs.Min(run => run.Status?.Started),
            To = runs.Max(run => run.Status?.Updated),
            Runs = runs,
            Rankings = Ranking.Of(runs),
            Problems =
            [
                .. runs.SelectMany(ProblemList.Of).Concat(reader.Problems)
                    .Concat(NeverBegun(places, paths, sources)).OrderBy(problem => problem.Kind),
            ],
            Provenance = ProvenanceFacts.Of(runs),
        };
    }

    /// <summary>Chains of jobs without a run: what was refused before its first step left no more.</summary>
    private static IEnumerable<Problem> NeverBegun(IReadOnlyList<string> places, IReadOnlyList<string> runs, IRunSources sources)
    {
        foreach (var folder in places.Where(place => !runs.Contains(Path.GetFullPath(place)))
            .SelectMany(place => Directory.EnumerateDirectories(place, "*.submit")).Order(StringComparer.Ordinal))
        {
            var run = Path.GetFullPath(folder)[..^".submit".Length];
            if (runs.Contains(run))
                continue;
            JobChain? chain = null;
            string? broken = null;
            try
            {
                chain = sources.Chain(run);
            }
            catch (RunFolderException e)
            {
                broken = e.Message;
            }

            foreach (var problem in broken is null
                ? ProblemList.Chain(Path.GetFileName(run), chain)
                : [new Problem(ProblemKind.Unreadable, Path.GetFileName(run), Format.Line(broken))])
                yield return problem;
        }
    }

    /// <summary>Tells each run what it was set to otherwise than the other runs of its experiment.</summary>
    private static IReadOnlyList<ReportedRun> WithSettings(IReadOnlyList<ReportedRun> runs)
    {
        List<ReportedRun> told = [];
        foreach (var experiment in runs.GroupBy(run => run.Experiment.Id).OrderBy(group => group.First().Experiment.IsCompressor)
            .ThenBy(group => RunSearch.Sortable(group.Key), StringComparer.Ordinal))
        {
            var leaves = experiment.Select(run => Leaves(run.File, "").ToDictionary(leaf => leaf.Key, leaf => leaf.Value)).ToArray();
            var keys = leaves.SelectMany(run => run.Keys).Distinct()
                .Where(key => IsTold(key) && leaves.Select(run => run.GetValueOrDefault(key)).Distinct().Count() > 1).ToArray();
            told.AddRange(experiment.Zip(
                leaves,
                (run, values) => run with { Settings = [.. keys.Where(values.ContainsKey).Select(key => $"{key}={values[key]}")] }));
        }

        return told;
    }

    // nor does the report call settings what other columns say, or what changes no training
    private static bool IsTold(string key) => !Untold.Any(start => key == start || key.StartsWith(start + ".", StringComparison.Ordinal));

    private static IEnumerable<(string Key, string Value)> Leaves(JsonNode? node, string path) => node is JsonObject { Count: > 0 } map
        ? map.SelectMany(entry => Leaves(entry.Value, path.Length == 0 ? entry.Key : $"{path}.{entry.Key}"))
        : [
            (
                path,
                node is JsonValue value
                    ? value.TryGetValue<double>(out var number) ? Format.Small(number) : value.ToString()
                    : node.Canonical()),
        ];
}
