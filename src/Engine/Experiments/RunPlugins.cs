using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Compares the plugins that are there with those that a run recorded, for everything that is done with a run.</summary>
public static class RunPlugins
{
    private const string Option = "--allow-changed-plugin";

    /// <summary>Refuses other plugins than the run's, or says where they are allowed how they differ.</summary>
    /// <param name="context">Says whether they are allowed, and is told.</param>
    /// <param name="run">The run.</param>
    /// <param name="sources">Where the parts come from that are to be used.</param>
    /// <returns>How they differ.</returns>
    /// <exception cref="RunFolderException">They are others, and that is not allowed.</exception>
    public static IReadOnlyList<PluginChange> Check(ExperimentContext context, RunFolder run, IEnumerable<PartSource> sources)
    {
        var changes = Provenance.ComparePlugins(run, sources.Where(source => !source.IsOwn));
        if (changes.Count > 0 && !context.AllowChangedPlugins)
        {
            throw new RunFolderException(
                $"{run.Path} was trained with {string.Join("; with ", changes)}; "
                + "its defaults and its weights may mean something else there, "
                    + $"so put back what was, or go on with {Option}");
        }

        if (context.Collective.IsFirst())
            Tell(context, run, changes);
        return changes;
    }

    /// <summary>Says how they differ where nothing is refused: a report only names what is there.</summary>
    public static void Tell(ExperimentContext context, RunFolder run, IEnumerable<PartSource> sources) =>
        Tell(context, run, Provenance.ComparePlugins(run, sources.Where(source => !source.IsOwn)));

    private static void Tell(ExperimentContext context, RunFolder run, IReadOnlyList<PluginChange> changes)
    {
        foreach (var change in changes)
            context.Observer.Warned($"{run.Path} was trained with {change}, which is taken");
    }
}
