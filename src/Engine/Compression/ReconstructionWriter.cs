using System.Text.Json;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Pictures;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Compression;

/// <summary>Writes reconstructions, each as a folder with a NIfTI file, a picture of real above reconstructed, and a record.</summary>
/// <param name="plan">The plan.</param>
/// <param name="trained">The compressor.</param>
/// <param name="volumes">Volumes to reconstruct.</param>
/// <param name="collective">The processes that share the volumes among them; by default this one alone.</param>
/// <param name="warn">Is told where samples that were there are replaced in part only.</param>
public sealed class ReconstructionWriter(
    CompressionPlan plan, TrainedCompressor trained, PooledImages volumes, ICollective? collective = null, Action<string>? warn = null)
{
    private readonly ICollective _collective = collective ?? SingleProcess.Instance;

    /// <summary>Writes <c>FOLDER/00000/{kind}.nii.gz, montage.png, sample.json</c> and so on, at most one for each volume.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="cancellation">Stops between volumes; finished ones stay.</param>
    /// <param name="numbers">Which numbers they take.</param>
    /// <returns>All of them, also those that other processes wrote.</returns>
    public IReadOnlyList<ReconstructionRecord> Write(
        string folder, CancellationToken cancellation = default, SampleNumbers numbers = SampleNumbers.Replace)
    {
        var count = Math.Min(plan.Sampling.Count, volumes.Count);
        using var samples = new SampleFolder(folder, numbers, count, _collective, warn);
        var written = new List<ReconstructionRecord>();
        _collective.Together(() =>
        {
            foreach (var i in _collective.Share(count))
            {
                cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                using var _ = no_grad();
                using var sample = volumes.Load(i);
                var (volume, reconstruction) = ReconstructionValidator.Real(trained.Model, sample);
                written.Add(WriteOne(samples, samples.First + i, i, volume.cpu(), trained.Model.Finish(reconstruction).cpu()));
            }
        });
        samples.EndReplacement();
        return [.. _collective.Gather(written).SelectMany(each => each).OrderBy(record => record.Name, StringComparer.Ordinal)];
    }

    private ReconstructionRecord WriteOne(SampleFolder samples, int number, int index, Tensor volume, Tensor made)
    {
        var kind = volumes.Kind(index);
        var record = new ReconstructionRecord
        {
            Name = SampleFolder.Name(number),
            Experiment = plan.Id,
            Checkpoint = trained.Checkpoint.Name,
            Weights = trained.Weights,
            WeightsSha256 = trained.Sha256,
            Volume = volumes.Name(index),
            AffineOf = volumes.Name(index),
        };
        // a mask is shown as what it is taken for
        var written = ImageKinds.IsMask(kind) ? Masks.Binarise(made) : made;
        var mask = ImageKinds.IsMask(kind) ? volume : null;
        var grid = volumes.Grid(index);
        samples.Write(number, target =>
        {
            NiftiFile.Write(
                Path.Combine(target, $"{kind}.nii.gz"),
                written[0, 0],
                grid.Spacing,
                grid.Affine,
                JsonSerializer.Serialize(record, AtomicFile.Json));
            AtomicFile.Write(
                Path.Combine(target, SampleFolder.PictureName),
                stream => Montage.Write(
                    stream, [new MontageRow(volume, mask, grid), new MontageRow(written, mask, grid)], plan.Data.Spacing));
            AtomicFile.WriteJson(Path.Combine(target, SampleFolder.RecordName), record);
        });
        return record;
    }
}

/// <summary>What was reconstructed, and by what: <c>sample.json</c> of a compressor's run.</summary>
public sealed record ReconstructionRecord
{
    /// <summary>The sample's folder.</summary>
    public required string Name { get; init; }

    /// <summary>The experiment's id.</summary>
    public required string Experiment { get; init; }

    /// <summary>The checkpoint.</summary>
    public required string Checkpoint { get; init; }

    /// <summary><c>ema</c> or <c>compressor</c>.</summary>
    public required string Weights { get; init; }

    /// <summary>SHA-256 of the file of weights.</summary>
    public required string WeightsSha256 { get; init; }

    /// <summary>The volume, <c>PATIENT/KIND</c>.</summary>
    public required string Volume { get; init; }

    /// <summary>The image whose affine it has, on the grid that the network sees.</summary>
    public string? AffineOf { get; init; }
}
