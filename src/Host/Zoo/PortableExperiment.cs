using System.Collections.Immutable;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Zoo;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Zoo;

/// <summary>A run's experiment without what only its machine knows: the places of cohorts, of other runs and of caches.</summary>
internal static class PortableExperiment
{
    /// <summary>Keys that say where something lies that an animal has with it, or needs no more.</summary>
    private static readonly string[] Places = ["data.latents", "compressor.from", "condition.compressor.from", "condition.control.from"];

    /// <summary>The experiment as it ships.</summary>
    /// <param name="file">The run's, resolved.</param>
    /// <exception cref="RunFolderException">It names something else of the machine.</exception>
    public static MapNode Of(MapNode file)
    {
        var portable = file;
        if (portable["data"] is MapNode data)
            portable = portable.With(
                "data",
                data["synthesize"] is { IsNull: false } ? data.Without("cohort") : CohortPlaces.At(file, Animal.ConditionsName)["data"]!);
        portable = (MapNode)Places.Aggregate((Node)portable, (node, key) => Without(node, key.Split('.')));
        // what training began with says more than that it did, and other keys of training are about it
        if (portable["training"] is MapNode training && training["from"] is ScalarNode { Text: var start } from && IsPlace(start))
            portable = portable.With(
                "training",
                training.With(
                    "from", new ScalarNode(from.Position, Path.GetFileName(Path.TrimEndingDirectorySeparator(start)), ScalarKind.Text)));
        if (Paths(portable, "").FirstOrDefault() is { Key: not null } named)
        {
            throw new RunFolderException(
                $"the run's experiment reads {named.Path} ({named.Key}), which an animal does not have with it; "
                + $"take that out with --set {named.Key}=null where it is not needed to sample");
        }

        return portable;
    }

    private static Node Without(Node node, ReadOnlySpan<string> path)
    {
        if (node is not MapNode map || map.Find(path[0]) is not { } entry)
            return node;
        if (path.Length > 1)
            return map.With(path[0], Without(entry.Value, path[1..]));
        return entry.Value is ScalarNode value && IsPlace(value.Text) ? map.Without(path[0]) : map;
    }

    // an experiment's id and an animal's name mean the same everywhere
    private static bool IsPlace(string name) =>
        Path.IsPathFullyQualified(name)
        || (!name.StartsWith(ZooFolder.Prefix, StringComparison.Ordinal) && (Directory.Exists(name) || File.Exists(name)));

    private static IEnumerable<(string Key, string Path)> Paths(Node node, string key) => node switch
    {
        MapNode map => map.Entries.SelectMany(entry => Paths(entry.Value, key.Length == 0 ? entry.Key : $"{key}.{entry.Key}")),
        ListNode list => list.Items.Index().SelectMany(item => Paths(item.Item, $"{key}.{item.Index}")),
        ScalarNode { Kind: ScalarKind.Text } value when Path.IsPathFullyQualified(value.Text) => [(key, value.Text)],
        _ => [],
    };
}
