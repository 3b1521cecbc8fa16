using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Compression;

/// <summary>Every image of every patient of a split as a sample of one channel, whatever its kind. Loading is thread-safe.</summary>
public sealed class PooledImages : IBatchSource
{
    /// <summary>What a batch calls its images.</summary>
    public const string Image = "image";

    private readonly (CohortDataset Volumes, string Kind, int Patient)[] _samples;
    private readonly RandomCrop? _crop;

    /// <summary>Lists the images; patients need not have all kinds.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="split">One of <see cref="Cohort.AllSplits"/>.</param>
    /// <param name="options">Sizes and rules; the cache is shared among the kinds.</param>
    /// <param name="kinds">The kinds of image.</param>
    /// <param name="crop">Cuts a block out of each, or null.</param>
    /// <exception cref="PlanException">No patient has a kind.</exception>
    public PooledImages(Cohort cohort, string split, DataOptions options, IReadOnlyList<string> kinds, RandomCrop? crop = null)
    {
        // a patient that lacks a kind takes part with the others
        var share = options with
        {
            CacheMegabytes = options.CacheMegabytes / kinds.Count,
            AllowMissing = options.AllowMissing || kinds.Count > 1,
        };
        _crop = crop;
        _samples =
        [
            .. kinds.Select(kind => (Kind: kind, Volumes: new CohortDataset(cohort, split, share, [kind])))
                .SelectMany(pool => pool.Volumes.Patients.Select((_, patient) => (pool.Volumes, pool.Kind, Patient: patient)))
                // all images of a patient beside each other
                .OrderBy(sample => sample.Volumes.Patients[sample.Patient], StringComparer.Ordinal),
        ];
    }

    /// <inheritdoc/>
    public int Count => _samples.Length;

    /// <summary>Kind of each sample's image.</summary>
    public string Kind(int sample) => _samples[sample].Kind;

    /// <summary>Name of each sample, <c>PATIENT/KIND</c>.</summary>
    public string Name(int sample) => $"{_samples[sample].Volumes.Patients[_samples[sample].Patient]}/{Kind(sample)}";

    /// <summary>Where the prepared voxels of a sample lie.</summary>
    public VolumeGrid Grid(int sample) => _samples[sample].Volumes.Grid(_samples[sample].Patient, Kind(sample));

    /// <inheritdoc/>
    public Batch Load(IReadOnlyList<int> indices, int epoch, int index, CancellationToken stop)
    {
        var blocks = new List<torch.Tensor>(indices.Count);
        try
        {
            var real = new List<int>(indices.Count);
            foreach (var i in indices)
            {
                var (volumes, kind, patient) = _samples[i];
                using var volume = volumes.Load([patient], epoch, index, stop);
                var (block, slices) = _crop?.Cut(volume.Images[kind], volume.RealSlices[0], epoch, i)
                    ?? (volume.Images[kind].alias(), volume.RealSlices[0]);
                blocks.Add(block);
                real.Add(slices);
            }

            return new Batch
            {
                Epoch = epoch,
                Index = index,
                Patients = [.. indices.Select(Name)],
                Images = new Dictionary<string, torch.Tensor> { [Image] = torch.cat(blocks, 0).DetachFromDisposeScope() },
                RealSlices = real,
            };
        }
        finally
        {
            foreach (var block in blocks)
                block.Dispose();
        }
    }

    /// <summary>One sample as a batch, which the caller disposes.</summary>
    public Batch Load(int sample) => Load([sample], 0, 0, CancellationToken.None);
}
