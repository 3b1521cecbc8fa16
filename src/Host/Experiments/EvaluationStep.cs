using VoxelZoo.Engine.Distributed;
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
        using var trained = TrainedModel.Load(
            run, plan, session.Context(plan, random), "best", sentence => Console.Error.WriteLine($"warning: {sentence}"));
        var volumes = SectionReader.Checked(experiment.File, () => Cohorts.Volumes(plan, Cohorts.Open(plan, run), plan.Evaluation.Split));
        var result = new Evaluator(plan, trained, volumes, session.Collective).Run(cancellation: cancellation);
        session.Collective.ByFirst(() => AtomicFile.WriteJson(run.Evaluation, result));
        return result;
    }
}
