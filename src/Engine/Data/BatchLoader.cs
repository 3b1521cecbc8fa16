using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Distributed;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// Endless shuffled batches for training, prepared ahead of the one that is trained on. The order of an epoch depends on seed and
/// epoch alone; what does not fill a batch at the end of an epoch is left out of it. Used from one thread.
/// </summary>
public sealed class BatchLoader : IDisposable
{
    private readonly IBatchSource _samples;
    private readonly int _batchSize;
    private readonly long _seed;
    private readonly int _workers;
    private readonly BatchShare _share;
    private readonly Queue<Task<Batch>> _ahead = new();
    private readonly CancellationTokenSource _stop = new();
    private int[] _order;
    private int _epoch;
    private int _index;

    /// <summary>Starts preparing at the first call of <see cref="Next"/>.</summary>
    /// <param name="samples">The training split.</param>
    /// <param name="batchSize">Volumes in a batch, over all shares.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="workers">Batches that are prepared at once; changes nothing in their content or order.</param>
    /// <param name="epoch">The epoch to start in.</param>
    /// <param name="index">The batch of that epoch to start with; one past the last starts the next epoch.</param>
    /// <param name="share">The part of each batch that is loaded; by default all of it.</param>
    /// <exception cref="PlanException">The batch is larger than the split.</exception>
    public BatchLoader(IBatchSource samples, int batchSize, long seed, int workers, int epoch = 0, int index = 0, BatchShare? share = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(workers, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        if (batchSize > samples.Count)
            throw new PlanException(
                $"batch_size {batchSize} is more than the {samples.Count} patients that can be trained on.", "batch_size");
        (_samples, _batchSize, _seed, _workers, _epoch, _index, _share) =
            (samples, batchSize, seed, workers, epoch, index, share ?? BatchShare.Whole);
        _order = Order(samples.Count, seed, epoch);
    }

    /// <summary>Batches in an epoch.</summary>
    public int BatchesPerEpoch => _samples.Count / _batchSize;

    /// <summary>The next batch, which the caller disposes. Waits where it is not prepared yet.</summary>
    /// <exception cref="InvalidDataException">A file of this batch cannot be read; the message names it.</exception>
    public Batch Next()
    {
        ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
        while (_ahead.Count <= _workers)
            _ahead.Enqueue(Prepare());
        return _ahead.Dequeue().GetAwaiter().GetResult();
    }

    /// <summary>Waits for the volumes that are being read at this moment, and frees what was prepared.</summary>
    public void Dispose()
    {
        if (_stop.IsCancellationRequested)
            return;
        _stop.Cancel();
        foreach (var task in _ahead)
        {
            // an error in a batch that nobody asked for is nobody's
            ((Task)task).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing).GetAwaiter().GetResult();
            if (task.IsCompletedSuccessfully)
                task.Result.Dispose();
        }

        _ahead.Clear();
        _stop.Dispose();
    }

    /// <summary>The order of an epoch.</summary>
    internal static int[] Order(int count, long seed, int epoch) =>
        new SeededRandom(seed, $"{RandomStreams.Data}/order/{epoch}").Permutation(count);

    private Task<Batch> Prepare()
    {
        if (_index >= BatchesPerEpoch)
        {
            (_epoch, _index) = (_epoch + 1, 0);
            _order = Order(_samples.Count, _seed, _epoch);
        }

        var patients = _share.Rows<int>(_order.AsSpan(_index * _batchSize, _batchSize));
        var (epoch, index) = (_epoch, _index++);
        return Task.Run(() => _samples.Load(patients, epoch, index, _stop.Token), _stop.Token);
    }
}
