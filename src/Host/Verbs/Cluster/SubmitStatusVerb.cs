using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Files;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Verbs.Runs;

namespace VoxelZoo.Host.Verbs.Cluster;

/// <summary><c>submit status RUN</c>: the jobs of a run, what became of each, and how far the run is.</summary>
internal sealed class SubmitStatusVerb : Verb
{
    private readonly Argument<string> _run;

    public SubmitStatusVerb()
        : base("status", "Shows a run's jobs, what became of each, and how far the run is")
    {
        _run = With(RunArguments.Run());
        With(CommonOptions.Json);
    }

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var folder = new ChainFolder(parse.GetRequiredValue(_run));
        var chain = folder.Read();
        var report = new ChainReport(chain, Slurm.State(chain.Segments[^1].Job), RunProgress.Status(folder.Run));
        Output.Write(parse, () => Json(report), () => People(report));
        return ExitCode.Done;
    }

    private static JsonObject Json(ChainReport report)
    {
        var json = JsonSerializer.SerializeToNode(report.Chain, AtomicFile.Json)!.AsObject();
        json["explanation"] = report.Explanation;
        foreach (var (node, segment) in json["segments"]!.AsArray().Zip(report.Chain.Segments))
            node!["state"] = report.StateOf(segment);
        json["run_status"] = report.Standing is { } run ? JsonSerializer.SerializeToNode(run, AtomicFile.Json) : null;
        return json;
    }

    private static Rows People(ChainReport report)
    {
        var table = Output.Table("segment", "job", "state", "because", "steps", "gained", "time");
        foreach (var segment in report.Chain.Segments)
        {
            table.AddRow(new[]
            {
                Number(segment.Attempt), segment.Job, report.StateOf(segment), Words(segment.Reason),
                segment.Started is null ? "" : Number(segment.StepsAfter ?? RunProgress.Steps(report.Chain.Run)),
                segment.StepsGained is { } gained ? Number(gained) : "",
                segment.Ended - segment.Started is { } time ? time.ToString(@"d\.hh\:mm\:ss", CultureInfo.InvariantCulture) : "",
            }.Select(cell => new Text(cell)));
        }

        List<IRenderable> lines =
        [
            table, new Text($"chain: {Words(report.Chain.State)}{(report.Explanation is { } why ? $": {why}" : "")}"),
        ];
        if (report.Standing is { } run)
            lines.Add(new Text($"run: {Words(run.Status)} at epoch {run.Epoch} of {run.Epochs}, {run.Step:N0} steps"));
        return new Rows(lines);
    }

    private static string Number(long value) => value.ToString("N0", CultureInfo.InvariantCulture);

    private static string Words<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());
}
