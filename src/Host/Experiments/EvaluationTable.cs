using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Evaluation;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Experiments;

/// <summary>An evaluation for people: a column for each checkpoint and split, a row for each measure.</summary>
internal static class EvaluationTable
{
    public static IRenderable Of(EvaluationFile<EvaluationResult> file) => Of(file.Results, Measures);

    public static IRenderable Of(EvaluationFile<ReconstructionResult> file) => Of(file.Results, Measures);

    private static Table Of<T>(IReadOnlyList<T> results, Func<T, IEnumerable<(string Name, double Value)>> measures)
        where T : CheckpointResult
    {
        var table = Output.Table(["measure", .. results.Select(result => result.Title)]);
        table.AddRow(["volumes", .. results.Select(result => result.Volumes.ToString(CultureInfo.InvariantCulture))]);
        var columns = results.Select(result => measures(result).ToDictionary(measure => measure.Name, measure => measure.Value)).ToArray();
        foreach (var name in columns.SelectMany(column => column.Keys).Distinct())
            table.AddRow([Markup.Escape(name), .. columns.Select(column => column.TryGetValue(name, out var value) ? Number(value) : "")]);
        return table;
    }

    private static IEnumerable<(string Name, double Value)> Measures(EvaluationResult result) =>
    [
        ("loss", result.Loss),
        ("loss of a network that returns zero", result.NullLoss),
        .. result.Estimates.Select(e => (FormattableString.Invariant($"{e.Metric} of the one-step estimate from t = {e.Timestep:G4}"), e.Value)),
    ];

    private static IEnumerable<(string Name, double Value)> Measures(ReconstructionResult result) =>
    [
        ("loss", result.Loss),
        .. result.Measures.Select(measure => (measure.Key, measure.Value)),
        .. result.Metrics.Select(metric => ($"{metric.Metric} of the reconstruction", metric.Value)),
    ];

    private static string Number(double value) => value.ToString("G5", CultureInfo.InvariantCulture);
}
