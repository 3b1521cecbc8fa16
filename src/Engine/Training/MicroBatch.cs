using VoxelZoo.Engine.Plans;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Some of the samples that a process trains on in a step: as many as are computed at once, where gradients are accumulated.
/// </summary>
/// <param name="Index">Which, from 0.</param>
/// <param name="Count">Into how many equal ones the samples are split.</param>
public readonly record struct MicroBatch(int Index, int Count)
{
    /// <summary>The micro-batches of a step, one after the other.</summary>
    public static IEnumerable<MicroBatch> Split(TrainingOptions options) =>
        Enumerable.Range(0, options.GradientAccumulation).Select(index => new MicroBatch(index, options.GradientAccumulation));

    /// <summary>Its rows of what has one for each sample; belongs to the current dispose scope.</summary>
    public Tensor Rows(Tensor samples) =>
        Count == 1 ? samples : samples.narrow(0, Index * (samples.shape[0] / Count), samples.shape[0] / Count);
}
