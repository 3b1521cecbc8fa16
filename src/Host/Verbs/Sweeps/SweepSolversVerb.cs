using System.CommandLine;
using System.Globalization;
using System.IO.Enumeration;
using System.Text.Json;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Files;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Verbs.Runs;

namespace VoxelZoo.Host.Verbs.Sweeps;

/// <summary><c>sweep solvers RUN</c>: judges 33 configurations of solvers by what they generate.</summary>
internal sealed class SweepSolversVerb : Verb
{
    private readonly Argument<string> _run;
    private readonly Option<string[]> _only, _metrics;
    private readonly SweepOptions _options = new();

    public SweepSolversVerb()
        : base("solvers", "Judges 33 configurations of solvers by the volumes that they generate, into sweeps/solvers.json")
    {
        _run = With(RunArguments.Trained());
        _only = With(new Option<string[]>("--only")
        {
            Description = "Names of configurations, such as heun2_10, dopri5_1e-3 or euler_*; may be given several times",
            HelpName = "NAME",
        });
        _metrics = With(new Option<string[]>("--metric")
        {
            Description = "A metric of sets; by default fid, kid, cmmd and those of the experiment. May be given several times",
            HelpName = "ID",
        });
        foreach (var option in _options.All)
            Options.Add(option);
        With(CommonOptions.Json);
    }

    public override bool StopsInOrder => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var wanted = Wanted(parse.GetValue(_only) ?? []);
        var request = _options.Read(parse, parse.GetValue(_metrics) ?? []);
        using var session = new Session(parse);
        using var sweep = _options.Open(parse, session, parse.GetRequiredValue(_run), request, SolverConfiguration.All[0]);
        var json = parse.GetValue(CommonOptions.Json);
        var swept = sweep.Solvers(wanted, work => SweepDisplay.Over(json, sweep.Plan.Sampling.Count, work), cancellation);
        if (swept.File is null)
        {
            Output.Line(
                $"{Places.Shown(sweep.Run.Path)}: stopped after {swept.Done} of {swept.Wanted} configurations; "
                + "the same command goes on with the next one",
                json);
            return ExitCode.Stopped;
        }

        Output.Write(parse, () => JsonSerializer.SerializeToNode(swept.File, AtomicFile.Json)!, () => Table(swept.Ranking));
        foreach (var missing in swept.Ranking.SelectMany(Missing).Distinct())
            ConsoleObserver.Warn(missing);
        foreach (var failure in swept.Failures)
            Console.Error.WriteLine(failure);
        return swept.Failures.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    /// <summary>The configurations that patterns name.</summary>
    private static IReadOnlyList<SolverConfiguration> Wanted(string[] patterns)
    {
        string[] split = [.. patterns.SelectMany(pattern => pattern.Split(',', StringSplitOptions.TrimEntries))];
        var names = SolverConfiguration.All.Select(one => one.Name).ToArray();
        foreach (var pattern in split)
        {
            if (!names.Any(name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)))
                throw new UsageException(
                    $"--only: no configuration is called `{pattern}`{Spelling.Suggestion(pattern, names)} (configurations: "
                    + $"{string.Join(", ", names)})");
        }

        return
        [
            .. SolverConfiguration.All.Where(one => split.Length == 0
                || split.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, one.Name, ignoreCase: false))),
        ];
    }

    /// <summary>Why metrics of a configuration have no value.</summary>
    private static IEnumerable<string> Missing(SweptConfiguration one) =>
        one.Metrics.Where(metric => metric.Value.Value is null)
            .SelectMany(metric => metric.Value.Warnings.Select(warning => $"there is no {metric.Key}: {warning}"));

    private static IRenderable Table(IReadOnlyList<SweptConfiguration> ranking)
    {
        string[] metrics = [.. ranking.SelectMany(one => one.Metrics.Keys).Distinct()];
        var table = Output.Table(["configuration", "NFE", "seconds a volume", .. metrics.Select(Markup.Escape)]);
        foreach (var one in ranking)
            table.AddRow(
                [
                    one.Name,
                    Number(one.Nfe),
                    Number(one.SecondsPerVolume),
                    .. metrics.Select(metric => one.Metrics.GetValueOrDefault(metric)?.Value is { } value ? Number(value) : "-"),
                ]);
        return table;
    }

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}
