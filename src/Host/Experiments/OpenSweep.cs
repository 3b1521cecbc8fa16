using System.Globalization;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>A run that is ready to be swept: what cannot be is refused by then, and nothing was written.</summary>
internal sealed class OpenSweep : IDisposable
{
    private readonly Session _session;
    private readonly IReadOnlyList<Assignment> _sets;
    private readonly string? _samplerOption;
    private readonly RandomStreams _random;
    private readonly TrainedModel _trained;
    private readonly SamplingSweep _sweep;
    private IDisposable? _lock; // null before it has begun

    /// <summary>Opens a run.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="run">The run.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="first">A configuration, by which the request is tried.</param>
    /// <exception cref="UsageException">It is a compressor's run, or something that was asked for cannot be.</exception>
    public OpenSweep(Session session, RunFolder run, SweepRequest request, SolverConfiguration first)
    {
        (_session, Run, _samplerOption) = (session, run, request.SamplerOption);
        if (CompressionPlanReader.Reads(ExperimentFile.Load(run.Experiment, engineRecords: PlanReader.EngineRecords)))
            throw new UsageException($"{Places.Shown(run.Path)} is a compressor's run, which has no sampler to sweep; name one of a denoiser");
        _sets = [.. request.Sets, Assignment.By("sweep", "evaluation.generate", "null"), .. request.ConditionSplit is { } split ? [Assignment.By("--split", "sampling.split", split)] : Array.Empty<Assignment>()];
        var experiment = (DiffusionExperiment)Experiment.Load(session, run, [.. _sets, .. Sets(first)]);
        _random = session.Random(experiment.Plan);
        try
        {
            var context = session.Context(experiment.Plan, _random);
            var metrics = new SweepMetrics(experiment.Plan.Metrics, text => Read([.. _sets, Assignment.By("--metric", "evaluation.metrics", $"[{text}]")]).Metrics.Single(), context);
            var cohort = SectionReader.Checked(experiment.File, () => Cohorts.OpenRecorded(experiment.Plan, run));
            Plan = experiment.Plan with
            {
                Metrics = request.Metrics.Count > 0 ? metrics.Of(request.Metrics, request.Against) : metrics.All(request.Against),
                Sampling = experiment.Plan.Sampling with { Split = request.ConditionSplit ?? (cohort.Of(Cohort.Val).Count > 0 ? Cohort.Val : Cohort.Test) },
            };
            NetworkTrial.Run(Plan.Metrics);
            var conditions = Volumes("--split", cohort, Plan.Sampling.Split);
            var real = Volumes("--against", cohort, request.Against);
            using (var volume = real.Load(0))
                MetricChecks.Refuse(Plan.Metrics, Plan.Compared with { Depth = volume.RealSlices[0] }, sets: true, context);
            _trained = TrainedModel.Load(run, Plan, context, request.Checkpoint, EvaluationStep.Warn);
            Against = request.Against;
            _sweep = new SamplingSweep(Plan, _trained, cohort, conditions, request.Against, real);
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

    /// <summary>The checkpoint that is swept.</summary>
    public string Checkpoint => _trained.Checkpoint.Name;

    /// <summary>The split of the real volumes.</summary>
    public string Against { get; }

    /// <summary>The metrics by name.</summary>
    public IReadOnlyDictionary<string, SetMetric> Metrics => _sweep.Metrics;

    /// <summary>Keeps other processes from sweeping the run, and makes the sweeps' folder; after nothing is left to refuse.</summary>
    /// <exception cref="RunFolderException">Another process sweeps it.</exception>
    public void Begin() => _lock = new SweepFolder(Run).Lock();

    /// <summary>What was found of a configuration before under the same circumstances, or null.</summary>
    public SweptConfiguration? Find(SolverConfiguration configuration) => _sweep.Find(configuration, PlanOf(configuration));

    /// <summary>What is found of a configuration.</summary>
    public SweptConfiguration Judge(SolverConfiguration configuration, SweepDisplay display, CancellationToken cancellation) =>
        _sweep.Judge(configuration, PlanOf(configuration), (volume, step) => display.Stepped(configuration.Name, volume, step), cancellation);

    private ExperimentPlan PlanOf(SolverConfiguration configuration)
    {
        var read = Read([.. _sets, .. Sets(configuration)]);
        return Plan with { Sampler = read.Sampler };
    }

    private ExperimentPlan Read(IReadOnlyList<Assignment> sets) =>
        new PlanReader(_session.Registry).Read(ExperimentFile.Load(Run.Experiment, sets, null, PlanReader.EngineRecords));

    private CohortDataset Volumes(string option, Cohort cohort, string split) => cohort.Of(split).Count > 0
        ? Cohorts.Volumes(Plan, cohort, split)
        : throw new UsageException($"{option}: the cohort '{cohort.Folder}' has no patients in {split}; name another of {string.Join(", ", cohort.Patients.Select(p => p.Split).Distinct())}");

    /// <summary>The sampler with its number. A name that there is not comes first, so that no option of the run's own sampler stays.</summary>
    private IEnumerable<Assignment> Sets(SolverConfiguration configuration)
    {
        var place = _samplerOption ?? configuration.Name;
        return
        [
            Assignment.By(place, "sampling.use", "none"), Assignment.By(place, "sampling.use", configuration.Sampler),
            .. configuration.Options.Select(option => Assignment.By(place, $"sampling.{option.Key}", option.Value.ToString(null, CultureInfo.InvariantCulture))),
        ];
    }

    /// <summary>Ends it; what was found stays.</summary>
    public void Dispose()
    {
        _sweep?.Dispose();
        _lock?.Dispose();
        _trained?.Dispose();
        _random.Dispose();
    }
}
