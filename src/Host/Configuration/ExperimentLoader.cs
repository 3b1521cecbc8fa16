using System.CommandLine;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>Loads experiments: reads their files, and plans what they say.</summary>
internal static class ExperimentLoader
{
    /// <summary>Loads the experiment that <paramref name="idOrPath"/> names, with the command line's profile and values over it.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="session">The parts.</param>
    /// <param name="idOrPath">The experiment.</param>
    /// <param name="more">Values of other options than <c>--set</c>.</param>
    public static Experiment Load(ParseResult parse, Session session, string idOrPath, params IEnumerable<Assignment> more)
    {
        var (path, profile) = (ExperimentFolder.Resolve(idOrPath, session.Registry.Catalogue), parse.GetValue(CommonOptions.Profile));
        Assignment[] sets = [.. CommonOptions.Sets(parse), .. more];
        return Load(session, Read(path, sets, profile, session.Registry.Catalogue), ExperimentOrigin.Of(path, profile, sets));
    }

    /// <summary>Loads the experiment of a run, with values over it.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="run">The run.</param>
    /// <param name="sets">The values.</param>
    public static Experiment Load(Session session, RunFolder run, params Assignment[] sets) =>
        Load(session, run, ReadTrained(run, sets), null);

    /// <summary>Loads the experiment of a denoiser's run with a plan that was changed.</summary>
    public static DiffusionExperiment LoadChanged(
        Session session, RunFolder run, Assignment[] sets, Func<ExperimentPlan, ExperimentPlan> change)
    {
        var file = ReadTrained(run, sets);
        return OfRun(session, run, () =>
        {
            var plan = new PlanReader(session.Registry).Read(file);
            if (Moved(run, file, plan) is { } there)
                (file, plan) = (there, new PlanReader(session.Registry).Read(there));
            return new DiffusionExperiment(change(plan), session.Context, new YamlSource(file, plan, null));
        });
    }

    /// <summary>Reads what is of a run. Where that fails and a plugin is not the one that the run was trained with, that is why.</summary>
    /// <exception cref="RunFolderException">It failed so.</exception>
    public static T OfRun<T>(Session session, RunFolder run, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (ConfigurationException)
        {
            RunPlugins.Check(session.Context, run, session.Registry.Catalogue.Sources);
            throw;
        }
    }

    /// <summary>Loads a run's resolved experiment, with the place of its cohort where that was moved with the run.</summary>
    public static Experiment Load(Session session, RunFolder run, MapNode file, ExperimentOrigin? origin) => OfRun(session, run, () =>
    {
        var experiment = Load(session, file, origin);
        return Moved(run, file, experiment.Plan) is { } there
            ? Load(session, there, origin?.Continued([], there)) // a cohort that was found elsewhere stays there
            : experiment;
    });

    /// <summary>The experiment with the place of its cohort where that was moved with the run, or null where it was not.</summary>
    private static MapNode? Moved(RunFolder run, MapNode file, Plan plan)
    {
        if (file.Locate("data.cohort").IsOption || Provenance.FindMoved(run, plan) is not { } moved)
            return null;
        ConsoleObserver.Warn(
            $"the run's cohort is no longer what was at {plan.Data.Cohort}; it is taken from {moved}, "
            + "which holds what the run was trained on");
        return CohortPlaces.At(file, moved);
    }

    /// <summary>Loads a resolved experiment.</summary>
    public static Experiment Load(Session session, MapNode file, ExperimentOrigin? origin)
    {
        var plan = ReadPlan(session.Registry, file);
        var source = new YamlSource(file, plan, origin);
        return plan is CompressionPlan compression
            ? new CompressionExperiment(compression, session.Context, source)
            : new DiffusionExperiment((ExperimentPlan)plan, session.Context, source);
    }

    /// <summary>The plan of a resolved experiment.</summary>
    public static Plan ReadPlan(PartRegistry registry, MapNode file) =>
        CompressionPlanReader.Reads(file) ? new CompressionPlanReader(registry).Read(file) : new PlanReader(registry).Read(file);

    /// <summary>The resolved file of an experiment.</summary>
    public static MapNode Read(
        string path, IReadOnlyList<Assignment>? sets = null, string? profile = null, PluginCatalogue? plugins = null) =>
        ZooPlaces.Whole(ExperimentFile.Load(path, sets, profile, PlanReader.EngineRecords, plugins), path);

    /// <summary>The resolved file of a run's experiment.</summary>
    /// <exception cref="RunFolderException">It was changed since it was trained by.</exception>
    public static MapNode ReadRun(RunFolder run, IReadOnlyList<Assignment>? sets = null)
    {
        ExperimentSeal.Check(run); // before it is read: whatever is wrong with it, that it was changed is why
        return Read(run.Experiment, sets);
    }

    /// <summary>
    /// The resolved file of a run's experiment for those that use what was trained. What is generated while a run is trained lies over
    /// <c>sampling</c>, which is another one afterwards.
    /// </summary>
    private static MapNode ReadTrained(RunFolder run, IReadOnlyList<Assignment> sets)
    {
        var file = ReadRun(run, sets);
        return file["training"] is MapNode training ? file.With("training", training.Without("generation")) : file;
    }

    /// <summary>The file that an experiment was loaded from.</summary>
    public static MapNode FileOf(Experiment experiment) => ((YamlSource)experiment.Source).File;

    /// <summary>
    /// The id of the experiment that <paramref name="idOrPath"/> names, whether or not the rest of its file could be used.
    /// </summary>
    public static string IdOf(string idOrPath, PluginCatalogue plugins) =>
        SectionReader.Id(Read(ExperimentFolder.Resolve(idOrPath, plugins), plugins: plugins));

    /// <summary>
    /// Looks whether the cohort that an experiment names is there, for those who do not read it: one that the command line names has to be.
    /// </summary>
    /// <exception cref="ConfigurationException">The command line names a folder that is no cohort.</exception>
    public static void LookForCohort(Experiment experiment)
    {
        if (experiment.Plan.Data is { Synthesize: not null } or { Cohort.Length: 0 })
            return; // it will be made, or be named when it is trained
        try
        {
            experiment.OpenCohort();
        }
        catch (ConfigurationException e) when (!FileOf(experiment).Locate("data.cohort").IsOption)
        {
            ConsoleObserver.Warn(e.Message); // a file may be of another machine
        }
    }
}
