using System.Globalization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// A run that is ready to be swept: which solver, or how many steps, generate the best volumes. What cannot be is refused when it is
/// opened, and nothing is written by then.
/// </summary>
public sealed class SamplerSweep : IDisposable
{
    private readonly ExperimentContext _context;
    private readonly string? _samplerBy;
    private readonly RandomStreams _random;
    private readonly TrainedModel _trained;
    private readonly SamplingSweep _sweep;
    private readonly string _against;
    private readonly IReadOnlyList<PluginChange>? _changedPlugins;

    /// <summary>Opens a run.</summary>
    /// <param name="experiment">The run's experiment with the sweep's options of sampling, and one of its samplers.</param>
    /// <param name="run">The run.</param>
    /// <param name="request">What is asked for.</param>
    internal SamplerSweep(DiffusionExperiment experiment, RunFolder run, SweepRequest request)
    {
        (_context, Run, _samplerBy, _against) = (experiment.Context, run, request.SamplerBy, request.Against);
        _random = ExperimentContext.Random(experiment.Plan);
        try
        {
            var changedPlugins = RunPlugins.Check(_context, run, experiment.Plan.Sources);
            var parts = _context.PartsOf(experiment.Plan, _random);
            var metrics = new SweepMetrics(experiment.Plan.Metrics, _context.Parts, parts);
            var cohort = experiment.Cohorts.OpenRecorded(experiment.Plan, run);
            Plan = experiment.Plan with
            {
                Metrics = request.Metrics.Count > 0 ? metrics.Of(request.Metrics, request.Against) : metrics.All(request.Against),
                Sampling = experiment.Plan.Sampling with
                {
                    Split = request.ConditionSplit ?? (cohort.Of(Cohort.Val).Count > 0 ? Cohort.Val : Cohort.Test),
                },
            };
            new NetworkChecks(_context).Run(Plan.Metrics);
            var conditions = Volumes(experiment.Cohorts, "--split", cohort, Plan.Sampling.Split);
            var real = Volumes(experiment.Cohorts, "--against", cohort, request.Against);
            using (var volume = real.Load(0))
                MetricChecks.Refuse(Plan.Metrics, Plan.Compared with { Depth = volume.RealSlices[0] }, sets: true, Plan.HasMasks, parts);
            _trained = experiment.Trained(run, parts, request.Checkpoint);
            _changedPlugins = _trained.With(changedPlugins) is { Count: > 0 } changed ? changed : null;
            _sweep = new SamplingSweep(
                Plan, _trained, cohort, conditions, request.Against, real,
                experiment.LawOf(cohort, Plan.Sampling), _context.Observer.Warned);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The run.</summary>
    public RunFolder Run { get; }

    /// <summary>The run's plan with the sweep's metrics, count, seed and split.</summary>
    public ExperimentPlan Plan { get; }

    /// <summary>The plan of a sweep before it is opened: with the first of its samplers, and without what evaluations generate.</summary>
    /// <param name="plan">The run's plan with the sweep's options of sampling.</param>
    /// <param name="parts">Gives the sampler.</param>
    /// <param name="first">The first configuration.</param>
    /// <param name="samplerBy">Who names the sampler, or null.</param>
    public static ExperimentPlan PlanOf(ExperimentPlan plan, IPartSource parts, SolverConfiguration first, string? samplerBy) => plan with
    {
        Generation = null,
        Sampler = parts.Get<ISampler>(
            "sampling", first.Sampler, samplerBy ?? first.Name,
            [.. first.Options.Select(option => new PartOption(option.Key, option.Value))]),
    };

    /// <summary>
    /// Judges solvers by the volumes that they generate, into <c>sweeps/solvers.json</c>. What was judged before under the same
    /// circumstances is not judged again.
    /// </summary>
    /// <param name="wanted">The solvers.</param>
    /// <param name="observe">Shows how it goes: does the work that it is given with an observer, on this thread.</param>
    /// <param name="cancellation">Ends it after the step under way; what was judged stays.</param>
    /// <exception cref="PlanException">None of them can be.</exception>
    public SweptSolvers Solvers(
        IReadOnlyList<SolverConfiguration> wanted, Action<Action<SweepObserver>> observe, CancellationToken cancellation = default)
    {
        var possible = Possible(wanted);
        using var held = new SweepFolder(Run).Lock();
        List<string> failures = [];
        var done = 0;
        try
        {
            observe(observer =>
            {
                observer.Started(possible.Where(one => Find(one) is null).Sum(one => one.Calls));
                foreach (var configuration in possible)
                {
                    cancellation.ThrowIfCancellationRequested();
                    try
                    {
                        Judge(configuration, observer, $"{done + 1}/{possible.Count}", configuration.Calls, cancellation);
                    }
                    catch (PartFailedException e) when (e.InnerException is InvalidOperationException)
                    {
                        // a sampler that gives up; the others may do better
                        failures.Add($"{configuration.Name} generated nothing: {e.Message}");
                    }

                    done++;
                }
            });
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return new SweptSolvers(null, [], failures, done, possible.Count);
        }

        var file = Collect();
        file.Write(Run);
        var (metric, judge) = _sweep.Metrics.First();
        var ranking = file.Ranked(metric, MetricOrder.Of(judge));
        SweepReport.Write(Run, file, ranking);
        return new SweptSolvers(file, ranking, failures, done, possible.Count);
    }

    /// <summary>Looks for a sampler's number of steps with the best metric by the golden section, into <c>sweeps/steps.json</c>.</summary>
    /// <param name="search">What is looked for.</param>
    /// <param name="observe">Shows how it goes: does the work that it is given with an observer, on this thread.</param>
    /// <param name="cancellation">Ends it after the step under way; what was judged stays.</param>
    /// <exception cref="InvalidOperationException">The metric has no value somewhere.</exception>
    public SweptSteps Steps(StepSearch search, Action<Action<SweepObserver>> observe, CancellationToken cancellation = default)
    {
        using var held = new SweepFolder(Run).Lock();
        var name = _sweep.Metrics.ContainsKey(search.Metric) ? search.Metric : _sweep.Metrics.First().Key;
        var order = MetricOrder.Of(_sweep.Metrics[name]);
        var done = 0;
        IReadOnlyList<(int Place, double Value)> asked = [];
        var values = new Dictionary<int, double>();
        try
        {
            observe(observer =>
            {
                var (lo, hi, tolerance) = (search.Lo, search.Hi, search.Tolerance);
                var halvings = Math.Log(Math.Max(1.0, (hi - lo) / (double)tolerance)) / Math.Log(1 / 0.618);
                var probes = Math.Min(hi - lo + 1, 2 + (int)Math.Ceiling(halvings));
                observer.Started(probes);
                asked = GoldenSection.Search(lo, hi, tolerance, steps =>
                {
                    cancellation.ThrowIfCancellationRequested();
                    var configuration = SolverConfiguration.Of(search.Sampler, steps);
                    values[steps] = Value(name, Judge(configuration, observer, $"{done + 1}/about {probes}", 1, cancellation));
                    done++;
                    return order.Rank(values[steps]);
                });
            });
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            return new SweptSteps(null, done);
        }

        var file = new StepSearchFile
        {
            Experiment = Plan.Id,
            Checkpoint = _trained.Checkpoint.Name,
            Sampler = search.Sampler,
            Metric = name,
            Lo = search.Lo,
            Hi = search.Hi,
            Evaluated = [.. asked.Select(one => new TriedSteps(one.Place, values[one.Place]))],
            Best = GoldenSection.Best(asked),
            ChangedPlugins = _changedPlugins,
        };
        file.Write(Run);
        SweepReport.Write(Run, file);
        return new SweptSteps(file, done);
    }

    private SweptConfiguration Judge(
        SolverConfiguration configuration, SweepObserver observer, string place, double work, CancellationToken cancellation)
    {
        var before = Find(configuration);
        if (before is null)
            observer.Begins(place, work);
        var one = before ?? _sweep.Judge(
            configuration, With(configuration), (volume, step) => observer.Stepped(configuration.Name, volume, step), cancellation);
        observer.Judged(one, before is not null);
        return one;
    }

    /// <summary>What was found of a configuration before under the same circumstances, or null.</summary>
    private SweptConfiguration? Find(SolverConfiguration configuration) => _sweep.Find(configuration, With(configuration));

    private ExperimentPlan With(SolverConfiguration configuration) =>
        Plan with { Sampler = PlanOf(Plan, _context.Parts, configuration, _samplerBy).Sampler };

    private static double Value(string metric, SweptConfiguration one)
    {
        if (one.Metrics[metric] is { Value: { } value } && double.IsFinite(value))
            return value;
        var why = string.Join("; ", one.Metrics[metric].Warnings.DefaultIfEmpty("it is not finite"));
        throw new InvalidOperationException($"there is no {metric} of {one.Name}, so the search cannot go on: {why}");
    }

    /// <summary>All configurations that are done under these circumstances, also by earlier commands.</summary>
    private SolverSweepFile Collect() => new()
    {
        Experiment = Plan.Id,
        Checkpoint = _trained.Checkpoint.Name,
        Count = Plan.Sampling.Count,
        Seed = Plan.Sampling.Seed,
        Against = _against,
        ChangedPlugins = _changedPlugins,
        Configurations = [.. SolverConfiguration.All.Select(Find).OfType<SweptConfiguration>()],
    };

    /// <summary>Those that can be with the run's time shift, which needs a grid to shift.</summary>
    private IReadOnlyList<SolverConfiguration> Possible(IReadOnlyList<SolverConfiguration> wanted)
    {
        var possible = Plan.Sampling.TimeShift == 1 ? wanted : [.. wanted.Where(one => one.Steps is not null)];
        var shift = string.Create(CultureInfo.InvariantCulture, $"time_shift {Plan.Sampling.TimeShift}");
        if (possible.Count == 0)
            throw new PlanException(
                $"{shift} shifts a grid of times, and the solvers that are named take steps of their own choice; use --time-shift 1");
        if (possible.Count < wanted.Count)
        {
            _context.Observer.Warned(
                $"{shift} shifts a grid of times, so the {wanted.Count - possible.Count} solvers that take steps of their own choice "
                + "are left out; --time-shift 1 takes them in");
        }

        return possible;
    }

    private CohortDataset Volumes(Cohorts cohorts, string option, Cohort cohort, string split) => cohort.Of(split).Count > 0
        ? cohorts.Volumes(Plan, cohort, split)
        : throw new PlanException(
            $"{option}: the cohort '{cohort.Folder}' has no patients in {split}; "
            + $"name another of {string.Join(", ", cohort.Patients.Select(p => p.Split).Distinct())}");

    /// <summary>Ends it; what was found stays.</summary>
    public void Dispose()
    {
        _sweep?.Dispose();
        _trained?.Dispose();
        _random.Dispose();
    }
}

/// <summary>A search for a number of steps.</summary>
/// <param name="Sampler">The sampler's id.</param>
/// <param name="Metric">The metric that is to be best.</param>
/// <param name="Lo">The least number.</param>
/// <param name="Hi">The largest.</param>
/// <param name="Tolerance">How far the answer may be from the best one; 1 or more.</param>
public sealed record StepSearch(string Sampler, string Metric, int Lo, int Hi, int Tolerance);

/// <summary>What came of a sweep of solvers.</summary>
/// <param name="File">What its file holds; null where it was stopped.</param>
/// <param name="Ranking">The configurations, the best first.</param>
/// <param name="Failures">A sentence for each that generated nothing.</param>
/// <param name="Done">How many were judged.</param>
/// <param name="Wanted">How many were to be.</param>
public sealed record SweptSolvers(
    SolverSweepFile? File, IReadOnlyList<SweptConfiguration> Ranking, IReadOnlyList<string> Failures, int Done, int Wanted);

/// <summary>What came of a search for a number of steps.</summary>
/// <param name="File">What its file holds; null where it was stopped.</param>
/// <param name="Done">How many numbers were tried.</param>
public sealed record SweptSteps(StepSearchFile? File, int Done);
