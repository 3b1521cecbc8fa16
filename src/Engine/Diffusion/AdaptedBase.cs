using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>What a run with <c>training.lora</c> changes.</summary>
/// <param name="File">The weights that it began with.</param>
/// <param name="Options">How they are changed.</param>
public sealed record AdaptedBase(string File, LoraOptions Options)
{
    /// <summary>What a checkpoint's factors change, or null where it holds a whole network.</summary>
    /// <param name="run">The run.</param>
    /// <param name="checkpoint">A checkpoint of it.</param>
    /// <param name="planOf">Reads the run's plan.</param>
    /// <exception cref="RunFolderException">The weights that are changed are not there, or others.</exception>
    public static AdaptedBase? Of(RunFolder run, Checkpoint checkpoint, Func<RunFolder, Plan> planOf)
    {
        if (!checkpoint.Has(Component.Adapter))
            return null;
        return planOf(run) is ExperimentPlan { Training.Lora: { } lora }
            ? new AdaptedBase(new FrozenParts(run).Verify(FrozenParts.Start), lora)
            : throw new RunFolderException(
                $"{checkpoint.Folder} holds a low-rank change, and the run's experiment has no training.lora; use another run");
    }
}
