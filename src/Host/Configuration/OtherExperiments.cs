using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Configuration;

/// <summary>Reads the files of the experiments whose weights another one uses.</summary>
/// <param name="session">The parts.</param>
internal sealed class OtherExperiments(Session session) : IOtherExperiments
{
    /// <inheritdoc/>
    public LentPart? Find(RunFolder lender, string section, string id, Type options)
    {
        if (ExperimentLoader.ReadRun(lender)[section] is not { } node)
            return null;
        var use = PartName.Parse(Binder.PartOf(node).Text);
        var bound = use.Id != id ? null
            : section == "compressor" ? Binder.BindPart<LatentOptions>(node, options).Options
            : Binder.BindPart(node, options);
        return new LentPart(use.Id, bound) { Plugin = use.Plugin };
    }

    /// <inheritdoc/>
    public RunFolder? FindRun(string name) =>
        AnimalRuns.Find(session, name)
        ?? (Directory.Exists(name) ? RunFolder.Open(name) : RunFolders.FindNewest(name))
        ?? (name.StartsWith(ZooFolder.Prefix, StringComparison.Ordinal) ? throw ZooFolder.Unknown(name) : null);

    /// <inheritdoc/>
    public Experiment Load(FirstTraining first)
    {
        Assignment[] sets =
        [
            Given(first, "data.synthesize", null), Given(first, "data.cohort", first.Cohort),
            Given(first, "training.device", first.Borrower.Plan.Training.Device),
        ];
        var (path, profile) = (ExperimentFolder.Resolve(first.Named.Experiment, session.Registry.Catalogue), first.Named.Profile);
        var (file, origin) = first.HasBegun
            ? Resumed(first, sets)
            : (ExperimentLoader.Read(path, sets, profile, session.Registry.Catalogue), ExperimentOrigin.Of(path, profile, sets));
        return ExperimentLoader.Load(session, file, origin);
    }

    /// <inheritdoc/>
    public Plan PlanOf(RunFolder run) => ExperimentLoader.Load(session, run, []).Plan;

    /// <inheritdoc/>
    public void Check(FirstTraining first) => Resumed(first);

    /// <summary>The experiment by which what is trained first goes on, by the rules of every run that does.</summary>
    private (MapNode File, ExperimentOrigin? Origin) Resumed(FirstTraining first, params Assignment[] sets) =>
        new ResumedExperiment(
            session,
            RunFolder.Open(first.Folder),
            ExperimentFolder.Resolve(first.Named.Experiment, session.Registry.Catalogue),
            first.Named.Profile)
            .Read(sets, sentence => ConsoleObserver.Warn($"{Places.Shown(first.Folder)}: {sentence}"));

    /// <summary>A value of what is trained first that the other experiment decides.</summary>
    private static Assignment Given(FirstTraining first, string key, object? value) =>
        Assignment.At(ExperimentLoader.FileOf(first.Borrower).Locate($"{first.Section}.train_first"), key, value);
}
