namespace VoxelZoo.Engine.Data;

/// <summary>Samples that can be loaded as batches by their places. Loading is thread-safe.</summary>
public interface IBatchSource
{
    /// <summary>Number of samples.</summary>
    int Count { get; }

    /// <summary>Loads some samples as one batch, which the caller disposes.</summary>
    /// <param name="indices">Places from 0 to <see cref="Count"/> − 1.</param>
    /// <param name="epoch">The epoch that the batch belongs to.</param>
    /// <param name="index">The batch's place in it.</param>
    /// <param name="stop">Ends the loading.</param>
    /// <exception cref="InvalidDataException">A file cannot be read or does not fit; the message names it.</exception>
    Batch Load(IReadOnlyList<int> indices, int epoch, int index, CancellationToken stop);

    /// <summary>One sample as a batch, which the caller disposes.</summary>
    Batch Load(int sample) => Load([sample], 0, 0, CancellationToken.None);
}
