using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Evaluates the checkpoints of a denoiser's run into its <c>evaluation.json</c>.</summary>
/// <param name="experiment">The run's experiment.</param>
/// <param name="run">The run.</param>
internal sealed class RunEvaluation(DiffusionExperiment experiment, RunFolder run)
{
    private readonly ExperimentContext _context = experiment.Context;

    private ExperimentPlan Plan => experiment.Plan;

    private Cohorts Cohorts => experiment.Cohorts;

    /// <summary>
    /// Evaluates each checkpoint on each split, and what it generates. What cannot be evaluated is refused before weights are loaded.
    /// </summary>
    public EvaluationFile<EvaluationResult> Run(CancellationToken cancellation)
    {
        var changedPlugins = RunPlugins.Check(_context, run, Plan.Sources);
        run.RequireWritable("evaluated");
        using var random = ExperimentContext.Random(Plan);
        var parts = _context.PartsOf(Plan, random);
        var checkpoints = NamedCheckpoint.Open(run, Plan.Evaluation.Checkpoints, _context.Observer.Warned);
        var cohort = Cohorts.OpenRecorded(Plan, run);
        if (run.IsAnimals)
            Cohorts.RequireWhole(Plan, cohort);
        var splits = experiment.Evaluated(cohort, parts);
        using var sets = new SetEvaluator(
            Plan, parts, () => References(cohort, splits), Plan.Evaluation.Pooled ? () => Everyone(cohort, splits) : null);
        TellIdleSets(sets.HasMetrics);
        if (Plan.Generation is { Sampling.Count: 1 })
            _context.Collective.ByFirst(() => sets.RequireEnough(1, cancellation)); // one volume is no set for most metrics
        var conditions = Plan.Generation is { } generation ? Cohorts.Volumes(Plan, cohort, generation.Sampling.Split) : null;
        var law = Plan.Generation is { } drawn ? experiment.LawOf(cohort, drawn.Sampling) : null;
        List<EvaluationResult> results = [];
        List<SetResult> generated = [];
        foreach (var named in checkpoints)
        {
            using var trained = named.Use(
                run, _context.Observer.Warned, checkpoint => experiment.Trained(run, parts, checkpoint, Plan.Generation?.Sampling));
            changedPlugins = trained.With(changedPlugins);
            if (results.Count == 0)
                experiment.TellLeftOut();
            results.AddRange(splits
                .Select(split => new Evaluator(Plan, trained, split.Volumes, split.Split, _context.Collective))
                .Select(evaluator => evaluator.Run(cancellation: cancellation) with { Checkpoints = named.Names }));
            _context.Collective.Together(() =>
            {
                // the sets are small, and their features have to come together anyway
                if (_context.Collective.IsFirst() && sets.Judges && Generated(trained, conditions, law, sets.HasMetrics) is { } volumes)
                    generated.Add(sets.Run(trained, volumes, cancellation) with { Checkpoints = named.Names });
            });
        }

        IReadOnlyList<SetQuality>? floor = null;
        if (Plan.Evaluation.Floor && sets.HasMetrics)
            _context.Collective.ByFirst(() => floor = sets.Floor(cancellation));
        var file = new EvaluationFile<EvaluationResult>
        {
            Experiment = Plan.Id, Results = results, Generated = sets.HasMetrics || generated.Count > 0 ? generated : null,
            Floor = floor,
            ChangedPlugins = changedPlugins.Count > 0 ? changedPlugins : null,
            LeftOut = Plan.LeftOut.Count > 0 ? Plan.LeftOut : null,
        };
        _context.Collective.ByFirst(() => Write(_context, file, run));
        return file;
    }

    /// <summary>Says of what is asked of metrics of sets that there are none.</summary>
    private void TellIdleSets(bool hasMetrics)
    {
        string[] idle = [.. Plan.Evaluation.Pooled ? ["pooled"] : (string[])[], .. Plan.Evaluation.Floor ? ["floor"] : (string[])[]];
        if (!hasMetrics && idle.Length > 0 && Plan.LeftOut.Count == 0)
            _context.Observer.Warned(
                $"evaluation.{string.Join(" and evaluation.", idle)} {(idle.Length == 1 ? "is" : "are")} of metrics of sets, "
                + "and evaluation.metrics names none, such as {use: kid, extractor: scattering}; nothing is computed for it");
    }

    /// <summary>Replaces a run's evaluation, and names the metrics that have no value.</summary>
    public static void Write<T>(ExperimentContext context, EvaluationFile<T> file, RunFolder run)
        where T : CheckpointResult
    {
        file.Write(run);
        foreach (var result in file.Results)
        {
            foreach (var reason in result.Undefined)
                context.Observer.Warned($"{result.Title}: {reason}");
        }
    }

    /// <summary>
    /// The volumes that generated ones are compared with: those of the training split, and of the splits that are evaluated.
    /// </summary>
    private IReadOnlyList<(string Split, CohortDataset Volumes)> References(
        Cohort cohort, IReadOnlyList<(string Split, CohortDataset Volumes)> evaluated) =>
        evaluated.Any(split => split.Split == Cohort.Train)
            ? evaluated
            : [(Cohort.Train, Cohorts.Volumes(Plan, cohort, Cohort.Train)), .. evaluated];

    /// <summary>The volumes of every split that has patients.</summary>
    private IReadOnlyList<(string Split, CohortDataset Volumes)> Everyone(
        Cohort cohort, IReadOnlyList<(string Split, CohortDataset Volumes)> evaluated) =>
    [
        .. Cohort.AllSplits.Where(split => cohort.Of(split).Count > 0)
            .Select(split => evaluated.FirstOrDefault(opened => opened.Split == split) is { Volumes: not null } opened
                ? opened
                : (split, Cohorts.Volumes(Plan, cohort, split))),
    ];

    /// <summary>
    /// What a checkpoint generated. Masks are looked at where there are some; only metrics were asked for by name, and miss them.
    /// </summary>
    private GeneratedSet? Generated(TrainedModel trained, CohortDataset? conditions, SizeBinLaw? law, bool hasMetrics)
    {
        if (Plan.Generation is { } generation)
            return GeneratedSet.New(Plan, generation, trained, conditions!, law: law, warn: _context.Observer.Warned);
        var samples = GeneratedSet.Samples(run, Plan, trained.Sha256);
        if (samples is null && hasMetrics)
        {
            _context.Observer.Warned(
                $"{run.Samples} holds no volumes of {trained.Checkpoint.Name}, so metrics of sets leave it out; "
                + "make some with `sample`, or set evaluation.generate, such as {count: 10}");
        }

        return samples;
    }
}
