using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Tries the TorchScript files of a plan before the training that would use them.</summary>
/// <param name="context">Tries a file.</param>
internal sealed class NetworkChecks(ExperimentContext context)
{
    /// <summary>Tries the plan's perceptual network, where there is one.</summary>
    /// <exception cref="PlanRefusedException">It cannot be used; the message says why.</exception>
    public void Run(CompressionPlan plan)
    {
        if (plan.PerceptualNetwork is { } path && context.TryNetwork(path, [plan.Seen.Height, plan.Seen.Width]) is { } sentence)
            throw new PlanRefusedException("training", "perceptual.network", sentence);
    }

    /// <summary>Tries the networks of metrics, each file once.</summary>
    /// <exception cref="PlanRefusedException">One is not there or cannot be loaded; the message says why.</exception>
    public void Run(IReadOnlyList<PlannedPart<IMetric>> metrics)
    {
        var named = metrics.SelectMany(metric => metric.Part.Networks(metric.Options).Select(path => (metric.Id, Path: path)));
        foreach (var (id, path) in named.DistinctBy(network => network.Path))
        {
            if (!File.Exists(path))
                throw new PlanRefusedException(
                    "evaluation", "metrics", $"there is no file {path}, which `{id}` names; name a TorchScript file");
            if (context.TryNetwork(path, []) is { } sentence)
                throw new PlanRefusedException("evaluation", "metrics", $"`{id}`: {sentence}");
        }
    }
}
