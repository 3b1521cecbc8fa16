using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Reporting.Experiments;

/// <summary>A sweep of a run's sampler, as a table.</summary>
public sealed record SweepFacts
{
    /// <summary>The files in which a run's sweeps lie.</summary>
    internal static readonly string[] Files = ["solvers.json", "steps.json"];

    /// <summary>The run.</summary>
    public required string Run { get; init; }

    /// <summary>Its experiment.</summary>
    public required string Experiment { get; init; }

    /// <summary>What was swept: <c>solvers</c> or <c>steps</c>.</summary>
    public required string Kind { get; init; }

    /// <summary>How, in a sentence.</summary>
    public required string Basis { get; init; }

    /// <summary>The table's head.</summary>
    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>A row for each configuration.</summary>
    public required IReadOnlyList<IReadOnlyList<string>> Rows { get; init; }

    /// <summary>What came of it, or null.</summary>
    public string? Conclusion { get; init; }

    /// <summary>Reads a sweep; null where there is none, or it holds nothing yet.</summary>
    /// <exception cref="RunFolderException">It is not JSON, or not a sweep.</exception>
    internal static SweepFacts? Read(string run, string experiment, string path)
    {
        if (!File.Exists(path))
            return null;
        try
        {
            var file = JsonNode.Parse(File.ReadAllText(path));
            if (file.Number("format") is not 1)
                throw new RunFolderException($"the layout of {path} is version {file.Text("format") ?? "unknown"}, this program reads version 1; sweep again");
            return Path.GetFileName(path) == "steps.json" ? Steps(run, experiment, file) : Solvers(run, experiment, file);
        }
        catch (JsonException e)
        {
            throw new RunFolderException($"{path} cannot be read ({e.Message}); sweep again");
        }
    }

    private static SweepFacts? Solvers(string run, string experiment, JsonNode? file)
    {
        var configurations = file.Objects("configurations").ToArray();
        var metrics = configurations.SelectMany(c => (c["metrics"] as JsonObject)?.Select(m => m.Key) ?? []).Distinct().ToArray();
        if (configurations.Length == 0)
            return null;
        // every one of these metrics is a distance
        var best = metrics.ToDictionary(metric => metric, metric => configurations.Min(c => c.Number($"metrics.{metric}.value")));
        var extractors = metrics.Select(metric => configurations.Select(c => c.Text($"metrics.{metric}.extractor")).OfType<string>().Distinct()).SelectMany(each => each).Distinct();
        return new SweepFacts
        {
            Run = run,
            Experiment = experiment,
            Kind = "solvers",
            Basis = $"{file.Text("checkpoint")}, {file.Text("count")} volumes for each configuration with seed {file.Text("seed")}, against {file.Text("against")}; features of {string.Join(", ", extractors)}",
            Columns = ["configuration", "sampler", "steps", "tolerance", "network evaluations", "s/volume", .. metrics.SelectMany(metric => new[] { metric, $"{metric} interval" })],
            Rows =
            [
                .. configurations.Select(c => (string[])
                [
                    c.Text("name") ?? "", c.Text("sampler") ?? "", c.Text("steps") ?? Format.None, c.Number("tolerance") is { } t ? Format.Small(t) : Format.None,
                    Format.Loss(c.Number("nfe")), Format.Loss(c.Number("seconds_per_volume")),
                    .. metrics.SelectMany(metric => Cells(c, metric, best[metric])),
                ]),
            ],
            Conclusion = metrics.FirstOrDefault() is { } first && configurations.FirstOrDefault(c => c.Number($"metrics.{first}.value") is { } v && v == best[first]) is { } winner
                ? $"Least {first}: {winner.Text("name")}, {Format.Loss(best[first])} with {Format.Loss(winner.Number("nfe"))} network evaluations."
                : null,
        };
    }

    private static string[] Cells(JsonObject configuration, string metric, double? best)
    {
        var value = configuration.Number($"metrics.{metric}.value");
        var (low, high) = (configuration.Number($"metrics.{metric}.interval.low"), configuration.Number($"metrics.{metric}.interval.high"));
        var words = Format.Loss(value);
        return [value is not null && value == best ? $"**{words}**" : words, low is null ? Format.None : $"{Format.Loss(low)} to {Format.Loss(high)}"];
    }

    private static SweepFacts? Steps(string run, string experiment, JsonNode? file)
    {
        var tried = file.Objects("evaluated").OrderBy(e => e.Number("steps")).ToArray();
        var (metric, best) = (file.Text("metric") ?? "metric", file.Text("best"));
        return tried.Length == 0 ? null : new SweepFacts
        {
            Run = run,
            Experiment = experiment,
            Kind = "steps",
            Basis = $"{file.Text("checkpoint")}, {file.Text("sampler")}, golden-section search from {file.Text("lo")} to {file.Text("hi")} steps",
            Columns = ["steps", metric],
            Rows = [.. tried.Select(e => (string[])[Best(e.Text("steps"), best), Format.Loss(e.Number("value"))])],
            Conclusion = best is null ? null : $"Best number of steps: {best}.",
        };
    }

    private static string Best(string? steps, string? best) => steps == best ? $"**{steps}**" : steps ?? "";
}
