using VoxelZoo.Engine.Evaluation;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Host.Experiments;

/// <summary>Evaluates a run's best checkpoint into its <c>evaluation.json</c>.</summary>
internal static class EvaluationStep
{
    /// <summary>Evaluates.</summary>
    public static EvaluationResult Run(Session session, DiffusionExperiment experiment, RunFolder run, CancellationToken cancellation)
    {
        var plan = experiment.Plan;
        using var random = session.Random(plan);
        var context = session.Context(plan, random);
        var checkpoint = run.OpenCheckpoint("best", sentence => Console.Error.WriteLine($"warning: {sentence}"));
        var volumes = SectionReader.Checked(experiment.File, () => experiment.Evaluated(Cohorts.Open(plan, run), context));
        using var trained = TrainedModel.Load(run, plan, context, checkpoint);
        var result = new Evaluator(plan, trained, volumes).Run(cancellation: cancellation);
        AtomicFile.WriteJson(run.Evaluation, result);
        return result;
    }
}
