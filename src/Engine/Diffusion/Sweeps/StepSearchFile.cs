using System.Text.Json.Serialization;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Sweeps;

/// <summary>Outcome of <c>sweep steps</c>: <c>sweeps/steps.json</c>.</summary>
public sealed record StepSearchFile : IVersionedFile
{
    /// <summary>Version of the file's layout that this program writes and reads.</summary>
    public const int CurrentFormat = 1;

    private const string Remedy = "`sweep steps` makes it anew from the step counts that are done";

    /// <summary>Version of the file's layout.</summary>
    public int Format { get; init; } = CurrentFormat;

    /// <summary>The experiment's id.</summary>
    public required string Experiment { get; init; }

    /// <summary>The checkpoint, <c>step-XXXXXXXX</c>.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>The sampler's id.</summary>
    public required string Sampler { get; init; }

    /// <summary>The metric that was to be as good as can be.</summary>
    public required string Metric { get; init; }

    /// <summary>The least number of steps.</summary>
    public required int Lo { get; init; }

    /// <summary>The largest.</summary>
    public required int Hi { get; init; }

    /// <summary>Plugins that are not those that the run was trained with (<c>--allow-changed-plugin</c>); missing where all are.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<PluginChange>? ChangedPlugins { get; init; }

    /// <summary>What was tried, in that order.</summary>
    public required IReadOnlyList<TriedSteps> Evaluated { get; init; }

    /// <summary>The number of steps with the best value of all.</summary>
    public required int Best { get; init; }

    /// <summary>Replaces a run's search.</summary>
    public void Write(RunFolder run) => AtomicFile.WriteJson(Path(run), this);

    /// <summary>A run's search, or null where it has none.</summary>
    /// <exception cref="RunFolderException">The file is damaged, or of another version.</exception>
    public static StepSearchFile? Read(RunFolder run) => RunFile.ReadJson<StepSearchFile>(Path(run), CurrentFormat, Remedy);

    private static string Path(RunFolder run) => System.IO.Path.Combine(run.Sweeps, "steps.json");
}

/// <summary>A number of steps that was tried.</summary>
/// <param name="Steps">The steps.</param>
/// <param name="Value">The metric's value.</param>
public sealed record TriedSteps(int Steps, double Value);
