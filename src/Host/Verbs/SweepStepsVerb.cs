using System.CommandLine;
using System.Globalization;
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

/// <summary><c>sweep steps RUN</c>: looks for the number of steps with the best metric.</summary>
internal sealed class SweepStepsVerb : Verb
{
    private const int MostSteps = 1000;

    private readonly Argument<string> _run;
    private readonly Option<string> _sampler, _metric;
    private readonly Option<int> _lo, _hi, _tolerance;
    private readonly SweepOptions _options = new();

    public SweepStepsVerb()
        : base("steps", "Looks for the best number of a sampler's steps by the golden section, into sweeps/steps.json")
    {
        _run = With(RunArguments.Run());
        _sampler = With(new Option<string>("--sampler") { Description = "A sampler with a number of steps (euler)", HelpName = "ID", DefaultValueFactory = _ => "euler" });
        _lo = With(new Option<int>("--lo") { Description = "The least number of steps", HelpName = "N", DefaultValueFactory = _ => 10 });
        _hi = With(new Option<int>("--hi") { Description = "The largest", HelpName = "N", DefaultValueFactory = _ => 50 });
        _tolerance = With(new Option<int>("--tolerance") { Description = "How far the answer may be from the best one", HelpName = "N", DefaultValueFactory = _ => 1 });
        _metric = With(new Option<string>("--metric") { Description = "The metric of sets that is to be best (fid)", HelpName = "ID", DefaultValueFactory = _ => SweepMetrics.Default[0] });
        foreach (var option in _options.All)
            Options.Add(option);
        With(CommonOptions.Json);
    }

    public override bool StopsInOrder => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var (lo, hi, tolerance) = Interval(parse);
        var (sampler, metric) = (parse.GetValue(_sampler)!, parse.GetValue(_metric)!);
        // where it is one of those that a sweep of solvers measures, both find what the other did
        var request = _options.Read(parse, SweepMetrics.Default.Contains(metric) ? [] : [metric]) with { SamplerOption = _sampler.Name };
        using var session = new Session(parse);
        var run = RunFolder.Open(parse.GetRequiredValue(_run));
        using var sweep = new OpenSweep(session, run, request, SolverConfiguration.Of(sampler, hi));
        sweep.Begin();
        var (name, judge) = sweep.Metrics.TryGetValue(metric, out var found) ? (metric, found) : (sweep.Metrics.First().Key, sweep.Metrics.First().Value);
        var sign = judge.HigherIsBetter ? -1 : 1;
        var json = parse.GetValue(CommonOptions.Json);
        var done = 0;
        IReadOnlyList<(int Place, double Value)> asked;
        try
        {
            asked = SweepDisplay.Over(json, sweep.Plan.Sampling.Count, display =>
            {
                var probes = Math.Min(hi - lo + 1, 2 + (int)Math.Ceiling(Math.Log(Math.Max(1.0, (hi - lo) / (double)tolerance)) / Math.Log(1 / 0.618)));
                display.Started(probes);
                return GoldenSection.Search(lo, hi, tolerance, steps =>
                {
                    cancellation.ThrowIfCancellationRequested();
                    var value = Value(sweep, display, SolverConfiguration.Of(sampler, steps), $"{done + 1}/about {probes}", name, cancellation);
                    done++;
                    return sign * value;
                });
            });
        }
        catch (OperationCanceledException)
        {
            (json ? Console.Error : Console.Out).WriteLine($"{Places.Shown(run.Path)}: stopped after {done} step counts; the same command goes on with the next one");
            return ExitCode.Stopped;
        }

        var file = new StepSearchFile
        {
            Experiment = sweep.Plan.Id,
            Checkpoint = sweep.Checkpoint,
            Sampler = sampler,
            Metric = name,
            Lo = lo,
            Hi = hi,
            Evaluated = [.. asked.Select(one => new TriedSteps(one.Place, sign * one.Value))],
            Best = GoldenSection.Best(asked),
        };
        file.Write(run);
        SweepReport.Write(run, file);
        Output.Write(parse, () => JsonSerializer.SerializeToNode(file, AtomicFile.Json)!, () => Table(file));
        return ExitCode.Done;
    }

    private (int Lo, int Hi, int Tolerance) Interval(ParseResult parse)
    {
        var (lo, hi, tolerance) = (parse.GetValue(_lo), parse.GetValue(_hi), parse.GetValue(_tolerance));
        if (lo < 1 || hi > MostSteps || lo > hi)
            throw new UsageException($"--lo {lo} --hi {hi}: expected 1 ≤ lo ≤ hi ≤ {MostSteps}");
        return tolerance >= 1 ? (lo, hi, tolerance) : throw new UsageException($"--tolerance is {tolerance}; give at least 1, because steps are whole");
    }

    private static double Value(OpenSweep sweep, SweepDisplay display, SolverConfiguration configuration, string place, string metric, CancellationToken cancellation)
    {
        display.Begins(place, 1);
        var before = sweep.Find(configuration);
        var one = before ?? sweep.Judge(configuration, display, cancellation);
        display.Judged(one, before is not null);
        return one.Metrics[metric] is { Value: { } value } && double.IsFinite(value)
            ? value
            : throw new InvalidOperationException($"there is no {metric} of {one.Name}, so the search cannot go on: {string.Join("; ", one.Metrics[metric].Warnings.DefaultIfEmpty("it is not finite"))}");
    }

    private static IRenderable Table(StepSearchFile file)
    {
        var table = Output.Table("steps", file.Metric, "");
        foreach (var tried in file.Evaluated.OrderBy(one => one.Steps))
            table.AddRow(tried.Steps.ToString(CultureInfo.InvariantCulture), tried.Value.ToString("G5", CultureInfo.InvariantCulture), tried.Steps == file.Best ? "best" : "");
        return table;
    }
}
