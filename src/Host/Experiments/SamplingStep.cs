using Spectre.Console;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Rejection;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>Generates volumes from a run.</summary>
internal static class SamplingStep
{
    /// <summary>Writes the plan's samples of a run's best checkpoint.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="experiment">The run's experiment, with the command line's values over it.</param>
    /// <param name="run">The run.</param>
    /// <param name="folder">Where to; the run's <c>samples</c> folder where it is null.</param>
    /// <param name="numbers">Which numbers they take.</param>
    /// <param name="cancellation">Ends it after the step under way; finished volumes stay.</param>
    public static IReadOnlyList<SampleRecord> Run(Session session, DiffusionExperiment experiment, RunFolder run, string? folder, SampleNumbers numbers, CancellationToken cancellation)
    {
        var plan = experiment.Plan;
        using var random = session.Random(plan);
        using var trained = TrainedModel.Load(run, plan, session.Context(plan, random), "best", EvaluationStep.Warn);
        var conditions = SectionReader.Checked(experiment.File, () => Cohorts.Volumes(plan, Cohorts.OpenRecorded(plan, run), plan.Sampling.Split));
        var writer = new SampleWriter(plan, trained, conditions, () => Discriminator.Load(plan, trained), session.Collective);
        var target = folder ?? run.Samples;
        var records = SectionReader.Checked(experiment.File, () => Output.IsWatched
            ? WithBar(plan, progress => writer.Write(target, progress, cancellation, numbers))
            : writer.Write(target, cancellation: cancellation, numbers: numbers));
        foreach (var record in records)
            Console.WriteLine(FormattableString.Invariant($"{Places.Shown(Path.Combine(target, record.Name))}: {record.FunctionEvaluations} network evaluations, {record.Seconds:F1} s"));
        return records;
    }

    private static T WithBar<T>(ExperimentPlan plan, Func<Action<int, SamplerStep>, T> work)
    {
        T result = default!;
        // the work stays on this thread, to which tensors' dispose scopes belong
        AnsiConsole.Progress().Start(context =>
        {
            var task = context.AddTask("sampling", maxValue: plan.Sampling.Count);
            result = work((volume, step) =>
            {
                task.Value = volume + (step.Total is { } total ? (double)step.Done / total : 0);
                task.Description = $"volume {volume + 1}/{plan.Sampling.Count}  step {step.Done}";
            });
        });
        return result;
    }
}
