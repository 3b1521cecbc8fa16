using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Host.Configuration;

/// <summary>The resolved file of an experiment, and how the command line named it.</summary>
/// <param name="file">The resolved file.</param>
/// <param name="plan">Its plan, which has what the file leaves to the parts.</param>
/// <param name="named">How the command line named it, or null where it did not, or nobody knows.</param>
internal sealed class YamlSource(MapNode file, Plan plan, ExperimentOrigin? named) : ExperimentSource
{
    /// <summary>The resolved file.</summary>
    public MapNode File => file;

    /// <inheritdoc/>
    public override string Text => YamlWriter.Write(CohortPlaces.Whole(OptionDefaults.Completed(file, plan)));

    /// <inheritdoc/>
    public override JsonNode? Origin => named is null ? null : JsonSerializer.SerializeToNode(named, AtomicFile.Json);

    /// <inheritdoc/>
    public override Exception Place(PlanException refusal) => file.Place(refusal);
}
