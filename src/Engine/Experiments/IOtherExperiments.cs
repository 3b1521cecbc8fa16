using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Knows the experiments of other runs, whose weights one uses.</summary>
public interface IOtherExperiments
{
    /// <summary>The part that a run trained, or null where it trained none in that section.</summary>
    /// <param name="lender">The run.</param>
    /// <param name="section"><c>architecture</c> or <c>compressor</c>.</param>
    /// <param name="id">The part that is expected: only of this one the options are read.</param>
    /// <param name="options">The type of its options.</param>
    LentPart? Find(RunFolder lender, string section, string id, Type options);

    /// <summary>The run that a name stands for: its folder, or the experiment whose newest one it is; null where there is none.</summary>
    /// <exception cref="RunFolderException">It cannot be used.</exception>
    RunFolder? FindRun(string name) => Directory.Exists(name) ? RunFolder.Open(name) : RunFolders.FindNewest(name);

    /// <summary>The experiment that is trained first, or by which its training goes on.</summary>
    Experiment Load(FirstTraining first);

    /// <summary>The plan by which a run was trained.</summary>
    Plan PlanOf(RunFolder run) => throw new PlanException(
        $"this program reads no experiments of other runs; set {nameof(ExperimentContext)}.{nameof(ExperimentContext.Others)}, "
        + "or leave out sampling.guidance_from",
        "guidance_from").In("sampling");

    /// <summary>Refuses where the training of an experiment that is trained first has begun and could not go on.</summary>
    void Check(FirstTraining first);
}

/// <summary>A part that another run trained.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Options">Its options, where it is the part that is expected.</param>
public sealed record LentPart(string Id, object? Options)
{
    /// <summary>The plugin that the run's experiment says it is of, or null where it says none.</summary>
    public string? Plugin { get; init; }
}

/// <summary>An experiment that is trained before the one that uses its weights.</summary>
/// <param name="Borrower">The experiment that uses them.</param>
/// <param name="Section">Its section that says so, such as <c>compressor</c>.</param>
/// <param name="Named">What it says.</param>
/// <param name="Folder">The folder of the first one's run.</param>
public sealed record FirstTraining(Experiment Borrower, string Section, TrainFirstOptions Named, string Folder)
{
    /// <summary>Whether its run has begun.</summary>
    public bool HasBegun => Directory.Exists(Folder) && !RunFolder.HasNotBegun(Folder);

    /// <summary>The folder of the cohort that both are trained on; empty where that is not known yet.</summary>
    public string Cohort { get; init; } = "";
}

/// <summary>Knows none.</summary>
internal sealed class NoOtherExperiments : IOtherExperiments
{
    public LentPart? Find(RunFolder lender, string section, string id, Type options) => throw Unknown(section, "from");

    public Experiment Load(FirstTraining first) => throw Unknown(first.Section, "train_first");

    public void Check(FirstTraining first) => throw Unknown(first.Section, "train_first");

    private static PlanException Unknown(string section, string key) => new PlanException(
        $"this program reads no experiments of other runs; set {nameof(ExperimentContext)}.{nameof(ExperimentContext.Others)}, "
        + $"or leave out {section}.{key}",
        key).In(section);
}
