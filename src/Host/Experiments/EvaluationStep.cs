using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Evaluation;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Host.Experiments;

/// <summary>Evaluates a run's checkpoints into its <c>evaluation.json</c>.</summary>
internal static class EvaluationStep
{
    /// <summary>Evaluates a denoiser.</summary>
    public static EvaluationFile<EvaluationResult> Run(Session session, DiffusionExperiment experiment, RunFolder run, CancellationToken cancellation)
    {
        var plan = experiment.Plan;
        using var random = session.Random(plan);
        var context = session.Context(plan, random);
        return Run<CohortDataset, EvaluationResult>(
            experiment, run, plan.Evaluation, cohort => experiment.Evaluated(cohort, context),
            (checkpoint, splits) =>
            {
                using var trained = TrainedModel.Load(run, plan, context, checkpoint.Checkpoint);
                return [.. splits.Select(split => new Evaluator(plan, trained, split.Volumes, split.Name).Run(cancellation: cancellation) with { Checkpoints = checkpoint.Names })];
            });
    }

    /// <summary>Evaluates each checkpoint on each split. What cannot be evaluated is refused before weights are loaded.</summary>
    /// <param name="experiment">The run's experiment.</param>
    /// <param name="run">The run.</param>
    /// <param name="options">Which checkpoints.</param>
    /// <param name="open">Opens the splits of the cohort.</param>
    /// <param name="evaluate">Evaluates a checkpoint on all splits.</param>
    public static EvaluationFile<TResult> Run<TVolumes, TResult>(
        Experiment experiment,
        RunFolder run,
        EvaluatedOptions options,
        Func<Cohort, IReadOnlyList<(string Name, TVolumes Volumes)>> open,
        Func<NamedCheckpoint, IReadOnlyList<(string Name, TVolumes Volumes)>, IReadOnlyList<TResult>> evaluate)
        where TResult : CheckpointResult
    {
        var checkpoints = NamedCheckpoint.Open(run, options.Checkpoints, sentence => Console.Error.WriteLine($"warning: {sentence}"));
        var splits = SectionReader.Checked(experiment.File, () => open(Cohorts.Open(experiment.Plan, run)));
        var file = new EvaluationFile<TResult> { Experiment = experiment.Plan.Id, Results = [.. checkpoints.SelectMany(checkpoint => evaluate(checkpoint, splits))] };
        file.Write(run);
        return file;
    }
}
