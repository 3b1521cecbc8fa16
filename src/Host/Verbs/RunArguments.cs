using System.CommandLine;

namespace VoxelZoo.Host.Verbs;

/// <summary>Arguments and options that the verbs on experiments and runs share.</summary>
internal static class RunArguments
{
    public static Argument<string> Experiment() => new("EXP") { Description = "An experiment's YAML file, or its id in the folder `experiments`" };

    public static Argument<string> Run() => new("RUN") { Description = "A run's folder" };

    public static Option<string?> Folder() => new("--run") { Description = "The run's folder; by default runs/ID, then runs/ID-2 …", HelpName = "DIR" };
}
