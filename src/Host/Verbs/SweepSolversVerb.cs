using System.CommandLine;
using System.Globalization;
using System.IO.Enumeration;
using System.Text.Json;
using Spectre.Console.Rendering;
using Spectre.Console;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Experiments;

namespace VoxelZoo.Host.Verbs;

/// <summary><c>sweep solvers RUN</c>: judges 33 configurations of solvers by what they generate.</summary>
internal sealed class SweepSolversVerb : Verb
{
    private readonly Argument<string> _run;
    private readonly Option<string[]> _only, _metrics;
    private readonly SweepOptions _options = new();

    public SweepSolversVerb()
        : base("solvers", "Judges 33 configurations of solvers by the volumes that they generate, into sweeps/solvers.json")
    {
        _run = With(RunArguments.Run());
        _only = With(new Option<string[]>("--only") { Description = "Names of configurations, such as heun2_10, dopri5_1e-3 or euler_*; may be given several times", HelpName = "NAME" });
        _metrics = With(new Option<string[]>("--metric") { Description = "A metric of sets; by default fid, kid, cmmd and those of the experiment. May be given several times", HelpName = "ID" });
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
        var run = RunFolder.Open(parse.GetRequiredValue(_run));
        using var sweep = new OpenSweep(session, run, request, SolverConfiguration.All[0]);
        var possible = Possible(sweep, wanted);
        sweep.Begin();
        var json = parse.GetValue(CommonOptions.Json);
        List<string> failures = [];
        var done = 0;
        try
        {
            SweepDisplay.Over(json, sweep.Plan.Sampling.Count, display =>
            {
                var pending = possible.Where(one => sweep.Find(one) is null).ToArray();
                display.Started(pending.Sum(one => one.Calls));
                foreach (var configuration in possible)
                {
                    cancellation.ThrowIfCancellationRequested();
                    Judge(sweep, display, configuration, $"{done + 1}/{possible.Count}", failures, cancellation);
                    done++;
                }

                return done;
            });
        }
        catch (OperationCanceledException)
        {
            (json ? Console.Error : Console.Out).WriteLine($"{Places.Shown(run.Path)}: stopped after {done} of {possible.Count} configurations; the same command goes on with the next one");
            return ExitCode.Stopped;
        }

        var file = Collect(sweep);
        file.Write(run);
        var (metric, judge) = sweep.Metrics.First();
        var ranking = file.Ranked(metric, judge.HigherIsBetter);
        SweepReport.Write(run, file, ranking);
        Output.Write(parse, () => JsonSerializer.SerializeToNode(file, AtomicFile.Json)!, () => Table(ranking));
        foreach (var missing in ranking.SelectMany(Missing).Distinct())
            EvaluationStep.Warn(missing);
        foreach (var failure in failures)
            Console.Error.WriteLine(failure);
        return failures.Count == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    private static void Judge(
        OpenSweep sweep, SweepDisplay display, SolverConfiguration configuration, string place, List<string> failures, CancellationToken cancellation)
    {
        if (sweep.Find(configuration) is { } before)
        {
            display.Judged(before, before: true);
            return;
        }

        display.Begins(place, configuration.Calls);
        try
        {
            display.Judged(sweep.Judge(configuration, display, cancellation), before: false);
        }
        catch (InvalidOperationException e)
        {
            // a sampler that gives up; the others may do better
            failures.Add($"{configuration.Name} generated nothing: {e.Message}");
        }
    }

    /// <summary>All configurations that are done under these circumstances, also by earlier commands.</summary>
    private static SolverSweepFile Collect(OpenSweep sweep) => new()
    {
        Experiment = sweep.Plan.Id,
        Checkpoint = sweep.Checkpoint,
        Count = sweep.Plan.Sampling.Count,
        Seed = sweep.Plan.Sampling.Seed,
        Against = sweep.Against,
        Configurations = [.. SolverConfiguration.All.Select(sweep.Find).OfType<SweptConfiguration>()],
    };

    /// <summary>The configurations that patterns name.</summary>
    private static IReadOnlyList<SolverConfiguration> Wanted(string[] patterns)
    {
        string[] split = [.. patterns.SelectMany(pattern => pattern.Split(',', StringSplitOptions.TrimEntries))];
        var names = SolverConfiguration.All.Select(one => one.Name).ToArray();
        foreach (var pattern in split)
        {
            if (!names.Any(name => FileSystemName.MatchesSimpleExpression(pattern, name, ignoreCase: false)))
                throw new UsageException($"--only: no configuration is called `{pattern}`{Spelling.Suggestion(pattern, names)} (configurations: {string.Join(", ", names)})");
        }

        return [.. SolverConfiguration.All.Where(one => split.Length == 0 || split.Any(pattern => FileSystemName.MatchesSimpleExpression(pattern, one.Name, ignoreCase: false)))];
    }

    /// <summary>Those that can be with the run's time shift, which needs a grid to shift.</summary>
    private static IReadOnlyList<SolverConfiguration> Possible(OpenSweep sweep, IReadOnlyList<SolverConfiguration> wanted)
    {
        var possible = sweep.Plan.Sampling.TimeShift == 1 ? wanted : [.. wanted.Where(one => one.Steps is not null)];
        var shift = string.Create(CultureInfo.InvariantCulture, $"time_shift {sweep.Plan.Sampling.TimeShift}");
        if (possible.Count == 0)
            throw new UsageException($"{shift} shifts a grid of times, and the solvers that are named take steps of their own choice; use --time-shift 1");
        if (possible.Count < wanted.Count)
            EvaluationStep.Warn($"{shift} shifts a grid of times, so the {wanted.Count - possible.Count} solvers that take steps of their own choice are left out; --time-shift 1 takes them in");
        return possible;
    }

    /// <summary>Why metrics of a configuration have no value.</summary>
    private static IEnumerable<string> Missing(SweptConfiguration one) =>
        one.Metrics.Where(metric => metric.Value.Value is null).SelectMany(metric => metric.Value.Warnings.Select(warning => $"there is no {metric.Key}: {warning}"));

    private static IRenderable Table(IReadOnlyList<SweptConfiguration> ranking)
    {
        string[] metrics = [.. ranking.SelectMany(one => one.Metrics.Keys).Distinct()];
        var table = Output.Table(["configuration", "NFE", "seconds a volume", .. metrics.Select(Markup.Escape)]);
        foreach (var one in ranking)
            table.AddRow([one.Name, Number(one.Nfe), Number(one.SecondsPerVolume), .. metrics.Select(metric => one.Metrics.GetValueOrDefault(metric)?.Value is { } value ? Number(value) : "-")]);
        return table;
    }

    private static string Number(double value) => value.ToString("G4", CultureInfo.InvariantCulture);
}
