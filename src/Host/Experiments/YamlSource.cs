using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>The resolved file of an experiment, and how the command line named it.</summary>
/// <param name="file">The resolved file.</param>
/// <param name="named">How the command line named it, or null where it did not, or nobody knows.</param>
internal sealed class YamlSource(MapNode file, ExperimentOrigin? named) : ExperimentSource
{
    /// <summary>The resolved file.</summary>
    public MapNode File => file;

    /// <inheritdoc/>
    public override string Text => YamlWriter.Write(CohortPlaces.Whole(file));

    /// <inheritdoc/>
    public override JsonNode? Origin => named is null ? null : JsonSerializer.SerializeToNode(named, AtomicFile.Json);

    /// <inheritdoc/>
    public override Exception? Place(PlanRefusedException refusal) => Placed(file, refusal);

    /// <summary>Says where the key at fault was written; null for what is no key's fault.</summary>
    public static ConfigurationException? Placed(MapNode root, PlanRefusedException refusal) =>
        refusal.Section.Length == 0 ? null : new ConfigurationException(PlaceOf(root, refusal), refusal.Message, refusal);

    /// <summary>Where the key at fault was written; else its section, or what the command line took out of it; else the file.</summary>
    private static Position PlaceOf(MapNode root, PlanRefusedException refusal)
    {
        var (map, position) = (root, root.Position);
        var steps = $"{refusal.Section}.{refusal.Key}".TrimEnd('.').Split('.');
        for (var i = 0; i < steps.Length; i++)
        {
            if (map.Find(steps[i]) is not { } entry)
                return map.Removed.Select(removed => removed.KeyPosition).LastOrDefault(place => place.IsSet) ?? position;
            position = entry.KeyPosition;
            if (entry.Value is not MapNode below)
                return map.Locate(string.Join('.', steps[i..]));
            map = below;
        }

        return position;
    }
}
