using System.CommandLine;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;

namespace VoxelZoo.Host.Cluster;

/// <summary>An experiment that can be trained, and where: checked before it waits in a queue for hours.</summary>
/// <param name="Id">The experiment's id.</param>
/// <param name="File">The experiment, resolved.</param>
/// <param name="Folder">The run's folder and that of its chain.</param>
/// <param name="Origin">How the command line named it, where a new run has to record that; null where the run has.</param>
internal sealed record Submission(string Id, MapNode File, ChainFolder Folder, ExperimentOrigin? Origin)
{
    /// <summary>A run that is to begin.</summary>
    /// <param name="parse">The command line, with values and a profile over the experiment.</param>
    /// <param name="idOrPath">The experiment.</param>
    /// <param name="run">The run's folder, or null for the next free one.</param>
    /// <param name="processes">Processes that are to train it.</param>
    public static Submission New(ParseResult parse, string idOrPath, string? run, int processes)
    {
        using var session = new Session(parse);
        var (file, experiment) = Load(session, parse, idOrPath);
        experiment.CheckProcesses(processes);
        experiment.CheckTrainable();
        if (experiment.Plan.Data.Synthesize is null)
            experiment.OpenCohort();
        run ??= RunFolders.New(experiment.Plan.Id);
        if (System.IO.File.Exists(run) || (Directory.Exists(run) && Directory.EnumerateFileSystemEntries(run).Any()))
            throw new RunFolderException($"{run} exists already; continue it with --resume or name another folder with --run");
        return new Submission(experiment.Plan.Id, file, new ChainFolder(run), Named(session, parse, idOrPath));
    }

    /// <summary>A run that is to go on with its own experiment, with the command line's values over it.</summary>
    /// <inheritdoc cref="New"/>
    public static Submission Resumed(ParseResult parse, string idOrPath, string? run, int processes)
    {
        using var session = new Session(parse);
        var id = ExperimentLoader.IdOf(idOrPath, session.Registry.Catalogue);
        var path = run ?? RunFolders.Newest(id);
        var begun = !RunFolder.HasNotBegun(path);
        var folder = begun ? RunFolder.Open(path) : RunFolder.Join(path);
        var (file, own) = begun
            ? Load(session, CommonOptions.Sets(parse), new ResumedExperiment(
                session, folder, ExperimentFolder.Resolve(idOrPath, session.Registry.Catalogue), parse.GetValue(CommonOptions.Profile)))
            : Load(session, parse, idOrPath);
        own.CheckProcesses(processes);
        if (begun)
            RunPlugins.Check(session.Context, folder, own.Plan.Sources);
        return own.Plan.Id == id
            ? new Submission(id, file, new ChainFolder(folder.Path), begun ? null : Named(session, parse, idOrPath))
            : throw new UsageException(
                $"--resume: {folder.Path} is a run of {own.Plan.Id}, not of {id}; name that experiment, or another folder with --run");
    }

    private static ExperimentOrigin Named(Session session, ParseResult parse, string idOrPath) =>
        ExperimentOrigin.Of(
            ExperimentFolder.Resolve(idOrPath, session.Registry.Catalogue),
            parse.GetValue(CommonOptions.Profile),
            CommonOptions.Sets(parse));

    private static (MapNode File, Experiment Experiment) Load(Session session, ParseResult parse, string idOrPath)
    {
        var (path, profile) = (ExperimentFolder.Resolve(idOrPath, session.Registry.Catalogue), parse.GetValue(CommonOptions.Profile));
        return Load(session, CommonOptions.Sets(parse), sets => ExperimentLoader.Read(path, sets, profile, session.Registry.Catalogue));
    }

    private static (MapNode File, Experiment Experiment) Load(Session session, IReadOnlyList<Assignment> sets, ResumedExperiment resumed)
    {
        var file = resumed.Read(sets, ConsoleObserver.Warn).File;
        return Load(session, sets, all => all.Count == sets.Count ? file : resumed.Read(all, _ => { }).File);
    }

    private static (MapNode File, Experiment Experiment) Load(
        Session session, IReadOnlyList<Assignment> sets, Func<IReadOnlyList<Assignment>, MapNode> read)
    {
        var file = read(sets);
        // the machine that submits need not have the GPU that the jobs get
        var here = file["training"] is MapNode training && training["device"] is ScalarNode { Text: "cuda" }
            ? read([.. sets, Assignment.By("submit", "training.device", "cpu")])
            : file;
        var experiment = ExperimentLoader.Load(session, here, null);
        return (OptionDefaults.Completed(file, experiment.Plan), experiment); // the job may find other plugins
    }
}
