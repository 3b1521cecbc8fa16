using System.CommandLine;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary>Arguments and options that the verbs on experiments and runs share.</summary>
internal static class RunArguments
{
    public static Argument<string> Run() => new("RUN") { Description = "A run's folder" };

    /// <summary>A run, for verbs that do something with what it trained.</summary>
    public static Argument<string> Trained() => new("RUN") { Description = "A run's folder, or an animal: zoo/FAMILY/NAME" };

    public static Option<string?> Folder() =>
        new("--run") { Description = "The run's folder; by default runs/ID, then runs/ID-2 …", HelpName = "DIR" };

    /// <summary>Names a checkpoint of a run.</summary>
    public static Option<string> Checkpoint(string name = "--checkpoint") => new Option<string>(name)
    {
        Description = "best, latest, best_generation or one by its own name, such as step-00001000",
        HelpName = "NAME",
        DefaultValueFactory = _ => EvaluatedOptions.Best,
    }.AmongOr(EvaluatedOptions.IsStep, EvaluatedOptions.StepForm, [.. EvaluatedOptions.AllCheckpoints]);

    /// <summary>Only checks, and says what would be done.</summary>
    public static Option<bool> DryRun() =>
        new("--dry-run") { Description = "Check plan, data, memory and disk, and say what would be done; touches nothing" };

    /// <summary>Names the samples that were written.</summary>
    public static void Tell(IReadOnlyList<WrittenSample> samples)
    {
        foreach (var sample in samples)
            Output.Line($"{Places.Shown(sample.Folder)}: {sample.Facts}");
    }

    /// <summary>Says what would be done.</summary>
    public static void Tell(Rehearsal rehearsal)
    {
        foreach (var sentence in rehearsal.Facts.Prepend(rehearsal.Intent))
            Output.Line(Places.Shorten(sentence));
    }

    /// <summary>How a verb ends after training: stopped, done, or failed where the run breaks what the experiment expects.</summary>
    public static ExitCode ExitCodeOf(Plan plan, RunStatus status)
    {
        if (status.Status == RunState.TimeLimit)
            return ExitCode.Stopped;
        if (plan.Expect.BrokenBy(status.Best?.Loss) is not { } broken)
            return ExitCode.Done;
        Console.Error.WriteLine(broken);
        return ExitCode.Failed;
    }

    /// <summary>
    /// Says how training ended, how to continue it where it was stopped, and how to train on where a continued run has nothing left to do.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="status">Its status.</param>
    /// <param name="longer">Where it was continued, the value of <c>--set</c> that lets it train for longer.</param>
    public static void Tell(RunFolder run, RunStatus status, string? longer = null)
    {
        var place = Places.Shown(run.Path);
        var onwards = longer is null ? "" : $"; `train EXP --run {place} --resume --set {longer}` trains on";
        var stopped = status.Step == 0
            ? "before the first step; what was prepared stays"
            : $"after {status.Step:N0} steps with a checkpoint";
        Output.Line(status.Status == RunState.TimeLimit
            ? $"{place}: stopped {stopped}; `train EXP --run {place} --resume` continues it"
            : $"{place}: {OptionsShape.KeyOf(status.Status.ToString())} after {status.Step:N0} steps{onwards}");
    }
}
