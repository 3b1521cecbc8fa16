using System.Globalization;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Rejection;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Host.Experiments;

/// <summary>Trains the discriminator by which <c>diffrs</c> rejects samples of a run.</summary>
internal static class DiscriminatorStep
{
    /// <summary>Trains it for the run's best checkpoint.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="experiment">The run's experiment; its sampler draws the generated volumes.</param>
    /// <param name="run">The run.</param>
    /// <param name="epochs">How often each volume is seen.</param>
    /// <param name="tell">Is told how it goes, a line at a time.</param>
    /// <param name="cancellation">Ends it; the run has no discriminator then.</param>
    public static DiscriminatorManifest Run(
        Session session, DiffusionExperiment experiment, RunFolder run, int epochs, Action<string> tell, CancellationToken cancellation)
    {
        var plan = experiment.Plan;
        using var random = session.Random(plan);
        using var trained = TrainedModel.Load(run, plan, session.Context(plan, random), "best", EvaluationStep.Warn);
        return SectionReader.Checked(experiment.File, () =>
        {
            var cohort = Cohorts.OpenRecorded(plan, run);
            var validation = cohort.Of(Cohort.Val).Count == 0 ? null : Cohorts.Volumes(plan, cohort, Cohort.Val);
            return new DiscriminatorTrainer(plan, trained).Run(
                epochs, Cohorts.Volumes(plan, cohort, Cohort.Train), validation,
                (done, total) => tell($"generated {done}/{total}"), epoch => tell(Line(epoch, epochs)), cancellation);
        });
    }

    private static string Line(DiscriminatorEpoch epoch, int epochs)
    {
        var line = string.Create(CultureInfo.InvariantCulture, $"epoch {epoch.Epoch}/{epochs}: loss {epoch.Loss:F3}, {100 * epoch.Accuracy:F0} % right");
        return epoch.ValidationLoss is { } loss
            ? line + string.Create(CultureInfo.InvariantCulture, $"; validation {loss:F3}, {100 * epoch.ValidationAccuracy:F0} % right")
            : line;
    }
}
