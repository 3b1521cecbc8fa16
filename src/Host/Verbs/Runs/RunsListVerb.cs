using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using Spectre.Console;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>runs list</c>: the runs below a folder, and how each stands.</summary>
internal sealed class RunsListVerb : Verb
{
    private static readonly string[] Columns = ["run", "experiment", "target", "state", "epoch", "best loss", "settings"];

    private readonly Argument<string> _folder;

    public RunsListVerb()
        : base("list", "Lists the runs below a folder, and how each stands")
    {
        _folder = With(
            new Argument<string>("DIR") { Description = "A folder of runs; by default runs", DefaultValueFactory = _ => "runs" });
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var facts = ReportFacts.Read([parse.GetRequiredValue(_folder)], new ReportSources());
        Output.Write(parse, () => new JsonArray([.. facts.Runs.Select(Json)]), () => Table(facts));
        return ExitCode.Done;
    }

    private static Table Table(ReportFacts facts)
    {
        var table = Output.Table(Columns);
        foreach (var run in facts.Runs)
        {
            var (status, best) = (run.Status, run.Status?.Best);
            table.AddRow(
                Output.Text(run.Name),
                Output.Text(run.Experiment.Id),
                Output.Text(run.Experiment.Mode),
                Output.Text(run.State),
                new Text(status is null ? "" : $"{status.Epoch}/{status.Epochs}"),
                new Text(best is null ? "" : best.Loss.ToString("G4", CultureInfo.InvariantCulture)),
                Output.Text(string.Join(" ", run.Settings)));
        }

        return table;
    }

    private static JsonObject Json(ReportedRun run) => new()
    {
        ["name"] = run.Name,
        ["path"] = run.Folder.Path,
        ["experiment"] = run.Experiment.Id,
        ["target"] = run.Experiment.Target,
        ["state"] = run.State,
        ["epoch"] = run.Status?.Epoch,
        ["epochs"] = run.Status?.Epochs,
        ["best_loss"] = run.Status?.Best is { } best ? Output.Number(best.Loss) : null,
        ["settings"] = new JsonArray([.. run.Settings]),
    };
}
