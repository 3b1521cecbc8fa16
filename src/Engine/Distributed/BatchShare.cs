using VoxelZoo.Engine.Plans;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Distributed;

/// <summary>The samples of a step's batch that one process takes: equally many for each, in the order of the ranks.</summary>
/// <param name="Rank">Which share, from 0.</param>
/// <param name="Size">Into how many the batch is split.</param>
public readonly record struct BatchShare(int Rank, int Size)
{
    /// <summary>All samples.</summary>
    public static BatchShare Whole => new(0, 1);

    /// <summary>This process's share of the batches that are trained on.</summary>
    /// <exception cref="PlanRefusedException">They cannot be split evenly.</exception>
    public static BatchShare Of(TrainingOptions training, ICollective collective)
    {
        Require(training, collective.Size);
        return new BatchShare(collective.Rank, collective.Size);
    }

    /// <summary>Refuses batches that cannot be split evenly.</summary>
    /// <exception cref="PlanRefusedException">They cannot.</exception>
    public static void Require(TrainingOptions training, int processes)
    {
        var (batchSize, parts) = (training.BatchSize, training.GradientAccumulation);
        if (batchSize % processes != 0)
            throw new PlanRefusedException(
                "training", "batch_size",
                $"batch_size {batchSize} cannot be split evenly over {processes} processes; use a multiple of {processes}, or a number of processes that divides it");
        if (batchSize / processes % parts != 0)
            throw new PlanRefusedException(
                "training", "gradient_accumulation", $"{batchSize / processes} samples cannot be split evenly into {parts} parts; use a gradient_accumulation that divides them");
    }

    /// <summary>The share of what has a row for each sample of the batch; belongs to the current dispose scope.</summary>
    public Tensor Of(Tensor whole) => Size == 1 ? whole : whole.narrow(0, Rank * (whole.shape[0] / Size), whole.shape[0] / Size);

    /// <summary>The share of a list with an entry for each sample.</summary>
    public T[] Of<T>(ReadOnlySpan<T> whole) => whole.Slice(Rank * (whole.Length / Size), whole.Length / Size).ToArray();
}
