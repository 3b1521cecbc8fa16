using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// How batches are split evenly: over the processes that train together, and in each of them into what is computed one after the other.
/// </summary>
public static class BatchSplit
{
    /// <summary>This process's share of the batches that are trained on.</summary>
    /// <exception cref="PlanException">They cannot be split evenly.</exception>
    public static BatchShare Share(TrainingOptions training, ICollective collective)
    {
        Require(training, collective.Size);
        return new BatchShare(collective.Rank, collective.Size);
    }

    /// <summary>Refuses batches that cannot be split evenly.</summary>
    /// <exception cref="PlanException">They cannot.</exception>
    public static void Require(TrainingOptions training, int processes)
    {
        var (batchSize, parts) = (training.BatchSize, training.GradientAccumulation);
        if (batchSize % processes != 0)
            throw new PlanException(
                $"batch_size {batchSize} cannot be split evenly over {processes} processes; "
                + $"use a multiple of {processes}, or a number of processes that divides it",
                "batch_size").In("training");
        if (batchSize / processes % parts != 0)
            throw new PlanException(
                $"{batchSize / processes} samples cannot be split evenly into {parts} parts; use a gradient_accumulation that divides them",
                "gradient_accumulation").In("training");
    }
}
