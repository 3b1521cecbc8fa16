using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using Spectre.Console.Rendering;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Verbs.Runs;

namespace VoxelZoo.Host.Verbs.Sweeps;

/// <summary><c>sweep steps RUN</c>: looks for the number of steps with the best metric.</summary>
internal sealed class SweepStepsVerb : Verb
{
    private const int MostSteps = 1000;

    // as every sampler with a fixed number of them calls it
    private const string Steps = "Steps";

    private readonly Argument<string> _run;
    private readonly Option<string> _sampler, _metric;
    private readonly Option<int> _lo, _hi, _tolerance;
    private readonly SweepOptions _options = new();

    public SweepStepsVerb()
        : base("steps", "Looks for the best number of a sampler's steps by the golden section, into sweeps/steps.json")
    {
        _run = With(RunArguments.Trained());
        _sampler = With(new Option<string>("--sampler")
        {
            Description = "A sampler with a number of steps (euler)",
            HelpName = "ID",
            DefaultValueFactory = _ => "euler",
        });
        _lo = With(new Option<int>("--lo") { Description = "The least number of steps", HelpName = "N", DefaultValueFactory = _ => 10 });
        _hi = With(new Option<int>("--hi") { Description = "The largest", HelpName = "N", DefaultValueFactory = _ => 50 });
        _tolerance = With(new Option<int>("--tolerance")
        {
            Description = "How far the answer may be from the best one",
            HelpName = "N",
            DefaultValueFactory = _ => 1,
        });
        _metric = With(new Option<string>("--metric")
        {
            Description = "The metric of sets that is to be best (fid)",
            HelpName = "ID",
            DefaultValueFactory = _ => SweepMetrics.Default[0],
        });
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
        var request = _options.Read(parse, SweepMetrics.Default.Contains(metric) ? [] : [metric]) with { SamplerBy = _sampler.Name };
        using var session = new Session(parse);
        RefuseStepless(session, sampler);
        using var sweep = _options.Open(parse, session, parse.GetRequiredValue(_run), request, SolverConfiguration.Of(sampler, hi));
        var json = parse.GetValue(CommonOptions.Json);
        var swept = sweep.Steps(
            new StepSearch(sampler, metric, lo, hi, tolerance),
            work => SweepDisplay.Over(json, sweep.Plan.Sampling.Count, work),
            cancellation);
        if (swept.File is not { } file)
        {
            Output.Line(
                $"{Places.Shown(sweep.Run.Path)}: stopped after {swept.Done} step counts; the same command goes on with the next one",
                json);
            return ExitCode.Stopped;
        }

        Output.Write(parse, () => JsonSerializer.SerializeToNode(file, AtomicFile.Json)!, () => Table(file));
        return ExitCode.Done;
    }

    private void RefuseStepless(Session session, string sampler)
    {
        var part = session.Registry.Get<ISampler>(new ScalarNode(new Position(_sampler.Name), sampler, ScalarKind.Text));
        if (part.Value.OptionsType.GetProperty(Steps) is null)
            throw new UsageException(
                $"{_sampler.Name}: `{sampler}` takes steps of its own choice and has no number of them to look for; "
                + "name a sampler that has one, such as euler");
    }

    private (int Lo, int Hi, int Tolerance) Interval(ParseResult parse)
    {
        var (lo, hi, tolerance) = (parse.GetValue(_lo), parse.GetValue(_hi), parse.GetValue(_tolerance));
        if (lo < 1 || hi > MostSteps || lo > hi)
            throw new UsageException($"--lo {lo} --hi {hi}: expected 1 ≤ lo ≤ hi ≤ {MostSteps}");
        return tolerance >= 1
            ? (lo, hi, tolerance)
            : throw new UsageException($"--tolerance is {tolerance}; give at least 1, because steps are whole");
    }

    private static IRenderable Table(StepSearchFile file)
    {
        var table = Output.Table("steps", file.Metric, "");
        foreach (var tried in file.Evaluated.OrderBy(one => one.Steps))
            table.AddRow(
                tried.Steps.ToString(CultureInfo.InvariantCulture),
                tried.Value.ToString("G5", CultureInfo.InvariantCulture),
                tried.Steps == file.Best ? "best" : "");
        return table;
    }
}
