using System.CommandLine;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs;

/// <summary>Arguments and options that the verbs on experiments and runs share.</summary>
internal static class RunArguments
{
    public static Argument<string> Experiment() => new("EXP") { Description = "An experiment's YAML file, or its id in the folder `experiments`" };

    public static Argument<string> Run() => new("RUN") { Description = "A run's folder" };

    public static Option<string?> Folder() => new("--run") { Description = "The run's folder; by default runs/ID, then runs/ID-2 …", HelpName = "DIR" };

    /// <summary>Says how training ended, and how to continue it where it was stopped.</summary>
    public static void Tell(RunFolder run, RunStatus status)
    {
        var place = Path.GetRelativePath(Environment.CurrentDirectory, run.Path);
        Console.WriteLine(status.Status == RunState.TimeLimit
            ? $"{place}: stopped {(status.Step == 0 ? "before the first step; what was prepared stays" : $"after {status.Step:N0} steps with a checkpoint")}; `train EXP --run {place} --resume` continues it"
            : $"{place}: {OptionsShape.KeyOf(status.Status.ToString())} after {status.Step:N0} steps");
    }
}
