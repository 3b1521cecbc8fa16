using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>Evaluates a run's checkpoints into its <c>evaluation.json</c>.</summary>
internal static class EvaluationStep
{
    /// <summary>Evaluates each checkpoint on each split, and what it generates. What cannot be evaluated is refused before weights are loaded.</summary>
    public static EvaluationFile<EvaluationResult> Run(Session session, DiffusionExperiment experiment, RunFolder run, CancellationToken cancellation)
    {
        var plan = experiment.Plan;
        using var random = session.Random(plan);
        var context = session.Context(plan, random);
        var checkpoints = NamedCheckpoint.Open(run, plan.Evaluation.Checkpoints, Warn);
        var cohort = SectionReader.Checked(experiment.File, () => Cohorts.OpenRecorded(plan, run));
        var splits = SectionReader.Checked(experiment.File, () => experiment.Evaluated(cohort, context));
        using var sets = new SetEvaluator(plan, context, () => experiment.References(cohort, splits));
        var conditions = plan.Generation is { } generation ? SectionReader.Checked(experiment.File, () => Cohorts.Volumes(plan, cohort, generation.Sampling.Split)) : null;
        List<EvaluationResult> results = [];
        List<SetResult> generated = [];
        foreach (var (names, checkpoint) in checkpoints)
        {
            using var trained = TrainedModel.Load(run, plan, context, checkpoint);
            results.AddRange(splits.Select(split => new Evaluator(plan, trained, split.Volumes, split.Split, session.Collective).Run(cancellation: cancellation) with { Checkpoints = names }));
            session.Collective.Together(() =>
            {
                // the sets are small, and their features have to come together anyway
                if (session.Collective.IsFirst() && sets.HasMetrics && Generated(run, plan, trained, conditions) is { } volumes)
                    generated.Add(sets.Run(trained, volumes, cancellation) with { Checkpoints = names });
            });
        }

        var file = new EvaluationFile<EvaluationResult> { Experiment = plan.Id, Results = results, Generated = sets.HasMetrics ? generated : null };
        session.Collective.ByFirst(() => Write(file, run));
        return file;
    }

    /// <summary>Replaces a run's evaluation, and names the metrics that have no value.</summary>
    public static void Write<T>(EvaluationFile<T> file, RunFolder run)
        where T : CheckpointResult
    {
        file.Write(run);
        foreach (var result in file.Results)
        {
            foreach (var reason in result.Undefined)
                Warn($"{result.Title}: {reason}");
        }
    }

    /// <summary>Says on stderr what the user should know.</summary>
    public static void Warn(string sentence) => Console.Error.WriteLine($"warning: {Places.Shorten(sentence)}");

    private static GeneratedSet? Generated(RunFolder run, ExperimentPlan plan, TrainedModel trained, CohortDataset? conditions)
    {
        if (plan.Generation is { } generation)
            return GeneratedSet.New(plan, generation, trained, conditions!);
        var samples = GeneratedSet.Samples(run, plan, trained.Sha256);
        if (samples is null)
            Warn($"{run.Samples} holds no volumes of {trained.Checkpoint.Name}, so metrics of sets leave it out; make some with `sample`, or set evaluation.generate, such as {{count: 10}}");
        return samples;
    }
}
