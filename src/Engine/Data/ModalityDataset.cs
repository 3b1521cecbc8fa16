using TorchSharp;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// Each patient of a split once for each of several modalities, which takes the place of the target: samples of a denoiser that learns to
/// make one of them at a time. Loading is thread-safe.
/// </summary>
public sealed class ModalityDataset : IBatchSource
{
    private readonly string _target;
    private readonly string[] _modalities;
    private readonly (int Modality, int Patient)[] _samples;
    private readonly CohortDataset[] _volumes;

    /// <summary>Lists the samples; a patient that lacks a modality is there with the others.</summary>
    /// <param name="cohort">The cohort.</param>
    /// <param name="split">One of <see cref="Cohort.AllSplits"/>.</param>
    /// <param name="options">Sizes and rules; the cache is shared among the modalities.</param>
    /// <param name="target">What batches call the modality.</param>
    /// <param name="modalities">The modalities.</param>
    /// <param name="others">The other images that each patient has to have.</param>
    /// <param name="use">What batches hold of the tumours in their masks.</param>
    /// <exception cref="PlanException">No patient has a modality.</exception>
    public ModalityDataset(
        Cohort cohort,
        string split,
        DataOptions options,
        string target,
        IReadOnlyList<string> modalities,
        IReadOnlyList<string> others,
        TumourUse use)
    {
        var share = options with { CacheMegabytes = options.CacheMegabytes / modalities.Count };
        (_target, _modalities) = (target, [.. modalities]);
        _volumes = [.. modalities.Select(modality => new CohortDataset(cohort, split, share, [modality, .. others], use))];
        _samples =
        [
            .. _volumes.SelectMany((volumes, modality) => volumes.Patients.Select((name, patient) => (name, modality, patient)))
                .OrderBy(sample => sample.name, StringComparer.Ordinal).Select(sample => (sample.modality, sample.patient)),
        ];
    }

    /// <inheritdoc/>
    public int Count => _samples.Length;

    /// <inheritdoc/>
    public Batch Load(IReadOnlyList<int> indices, int epoch, int index, CancellationToken stop)
    {
        var samples = new List<Batch>(indices.Count);
        try
        {
            foreach (var (modality, patient) in indices.Select(sample => _samples[sample]))
                samples.Add(_volumes[modality].Load([patient], epoch, index, stop));
            return new Batch
            {
                Epoch = epoch,
                Index = index,
                Patients = [.. samples.Zip(indices, (sample, place) => $"{sample.Patients[0]}/{ModalityOf(place)}")],
                Images = samples[0].Images.Keys.Select(kind => kind == ModalityOf(indices[0]) ? _target : kind).ToDictionary(
                    kind => kind,
                    kind => Together(samples.Zip(indices, (sample, place) => sample.Images[kind == _target ? ModalityOf(place) : kind]))!),
                RealSlices = [.. samples.Select(sample => sample.RealSlices[0])],
                SizeBins = Together(samples.Select(sample => sample.SizeBins)),
                LossWeights = Together(samples.Select(sample => sample.LossWeights)),
                Modalities = [.. indices.Select(place => _samples[place].Modality)],
            };
        }
        finally
        {
            foreach (var sample in samples)
                sample.Dispose();
        }
    }

    private string ModalityOf(int sample) => _modalities[_samples[sample].Modality];

    private static torch.Tensor? Together(IEnumerable<torch.Tensor?> parts) =>
        parts.OfType<torch.Tensor>().ToArray() is { Length: > 0 } all ? torch.cat(all, 0).DetachFromDisposeScope() : null;
}
