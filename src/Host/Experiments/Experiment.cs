using System.CommandLine;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>An experiment as the command line names it: its resolved file, its plan, its description.</summary>
/// <param name="File">The resolved file.</param>
/// <param name="Plan">The plan.</param>
/// <param name="Description">The plan, described.</param>
internal sealed record Experiment(MapNode File, ExperimentPlan Plan, PlanDescription Description)
{
    /// <summary>Loads the experiment that <paramref name="idOrPath"/> names, with the command line's profile and values over it.</summary>
    public static Experiment Load(ParseResult parse, Session session, string idOrPath) =>
        Load(session, ExperimentFile.Load(
            ExperimentFolder.Resolve(idOrPath), parse.GetValue(CommonOptions.Set), parse.GetValue(CommonOptions.Profile), PlanReader.EngineRecords));

    /// <summary>Loads the experiment of a run, with values over it.</summary>
    /// <param name="session">The parts.</param>
    /// <param name="run">The run.</param>
    /// <param name="sets">Values as <c>--set</c> takes them.</param>
    public static Experiment Load(Session session, RunFolder run, params string[] sets) =>
        Load(session, ExperimentFile.Load(run.Experiment, sets, null, PlanReader.EngineRecords));

    private static Experiment Load(Session session, MapNode file)
    {
        var plan = new PlanReader(session.Registry).Read(file);
        using var random = session.Random(plan);
        return new Experiment(file, plan, PlanReader.Checked(file, () => PlanDescription.Of(plan, session.Context(plan, random))));
    }
}
