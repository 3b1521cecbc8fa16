using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Tensors.Features;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Tries the networks of a plan before the training that would use them.</summary>
/// <param name="context">Tries a file.</param>
internal sealed class NetworkChecks(ExperimentContext context)
{
    /// <summary>Tries a perceptual network, where there is one.</summary>
    /// <param name="path">Its file, or null.</param>
    /// <param name="height">Rows of the slices that it will see.</param>
    /// <param name="width">Columns.</param>
    /// <exception cref="PlanException">It cannot be used; the message says why.</exception>
    public void Run(string? path, int height, int width)
    {
        if (path is not null && context.TryNetwork(path, [height, width]) is { } sentence)
            throw new PlanException(sentence, "perceptual.network").In("training");
    }

    /// <summary>Tries the networks of metrics, each file once.</summary>
    /// <exception cref="PlanException">One is not there or cannot be loaded; the message says why.</exception>
    public void Run(IReadOnlyList<PlannedPart<IMetric>> metrics)
    {
        var named = metrics.SelectMany(metric => metric.Part.Networks(metric.Options).Select(path => (metric.Id, Path: path)));
        foreach (var (id, path) in named.DistinctBy(network => network.Path))
        {
            if (!File.Exists(path))
                throw new PlanException(
                    $"there is no file {path}, which `{id}` names; name a TorchScript file", "metrics").In("evaluation");
            // a file of features holds no code, and the metric itself refuses what is none
            if (!FeatureNetwork.IsOne(path) && context.TryNetwork(path, []) is { } sentence)
                throw new PlanException($"`{id}`: {sentence}", "metrics").In("evaluation");
        }
    }
}
