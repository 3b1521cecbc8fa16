using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Training;

/// <summary>Looks for what made the first loss or gradient of a run that is not finite, so that the user is told where to begin.</summary>
internal static class NonFiniteCause
{
    /// <summary>What is to blame, and what to do about it.</summary>
    /// <param name="batch">The step's samples.</param>
    /// <param name="modules">What is trained; the step did not move it.</param>
    /// <param name="step">The step, from 1.</param>
    /// <param name="precision">What it was computed in.</param>
    /// <param name="inFloat32">Computes what the network makes of the samples in float32: a number that is finite where that is.</param>
    public static string Find(Batch batch, IReadOnlyList<TrainedModule> modules, long step, Precision precision, Func<double> inFloat32)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        if (InBatch(batch) is { } found)
            return $"{found} has values that are not finite; look at it with `voxelzoo data check`";
        if (modules.FirstOrDefault(module => module.Parameters.Any(p => !IsFinite(p))) is { } spoiled)
            return $"weights of the {spoiled.Name} are not finite; go back to other ones";
        if (precision != Precision.Float32 && double.IsFinite(inFloat32()))
            return "in float32 the same step is finite; use precision: float32";
        return step == 1
            ? "the samples and the weights are finite and no weight was moved yet, so that it is the network itself; "
                + "look at the options of its parts"
            : $"the {step - 1} steps before it were finite; use a lower learning_rate, a longer warm-up or a smaller gradient_clip_norm";
    }

    private static string? InBatch(Batch batch)
    {
        var named = batch.Images.Select(image => (Name: image.Key, Tensor: (Tensor?)image.Value))
            .Append(("latent", batch.Latents?.Target)).Append(("condition's latent", batch.Latents?.Condition))
            .Append(("weight of voxels in the loss", batch.LossWeights));
        foreach (var (name, tensor) in named)
            for (var i = 0; tensor is not null && i < batch.Patients.Count; i++)
                if (!IsFinite(tensor[i]))
                    return $"the {name} of patient {batch.Patients[i]}";
        return null;
    }

    private static bool IsFinite(Tensor tensor) => tensor.isfinite().all().item<bool>();
}
