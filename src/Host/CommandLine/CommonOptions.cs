using System.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.CommandLine;

/// <summary>Options that several verbs share.</summary>
internal static class CommonOptions
{
    /// <summary>On every verb.</summary>
    public static Option<string[]> Plugins { get; } = new("--plugins")
    {
        Description = "Folder of plugins, or one plugin's folder, besides those of the program and of VOXELZOO_PLUGINS; "
            + "may be given several times",
        HelpName = "DIR",
        Recursive = true,
    };

    /// <summary>On every verb.</summary>
    public static Option<bool> Verbose { get; } =
        new("--verbose") { Description = "More messages, and stack traces of errors", Recursive = true };

    /// <summary>On every verb that lists or measures.</summary>
    public static Option<bool> Json { get; } = new("--json") { Description = "Print JSON" };

    /// <summary>On every verb that takes an experiment or options.</summary>
    /// <param name="example">A value that this verb has.</param>
    public static Option<string[]> Set(string example) => new(SetName)
    {
        Description = $"Set a value over the configuration, as in --set {example}; may be given several times",
        HelpName = "KEY=VALUE",
    };

    /// <summary>What <c>--set</c> was given.</summary>
    public static Assignment[] Sets(ParseResult parse) =>
        [.. (parse.GetValue<string[]>(SetName) ?? []).Select(set => Assignment.Parse(set))];

    private const string SetName = "--set";

    /// <summary>On every verb that takes an experiment.</summary>
    public static Option<string?> Profile { get; } = new("--profile")
    {
        Description = "Lay a section of the experiment's `profiles` over it",
        HelpName = "NAME",
    };

    /// <summary>Where the cohort of a run lies now.</summary>
    public static Option<string?> Cohort { get; } = new("--cohort")
    {
        Description = "Where the run's cohort lies now; it has to hold what the run was trained on",
        HelpName = "DIR",
    };

    /// <summary>On every verb that works with a run.</summary>
    public static Option<bool> AllowChangedPlugin { get; } = new("--allow-changed-plugin")
    {
        Description = "Go on although a plugin is of another version or build than the run was trained with",
    };

    /// <summary>The cohort that the command line names.</summary>
    public static IEnumerable<Assignment> CohortSet(ParseResult parse) => parse.GetValue(Cohort) is { } folder
        ? [Assignment.By("--cohort", "data.cohort", Path.GetFullPath(folder))]
        : [];
}
