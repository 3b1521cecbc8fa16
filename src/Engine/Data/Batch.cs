using TorchSharp;

namespace VoxelZoo.Engine.Data;

/// <summary>Prepared volumes of some patients. It owns its tensors; no dispose scope does.</summary>
public sealed class Batch : IDisposable
{
    private IReadOnlyList<int> _realSlices = [];
    private torch.Tensor? _sizeBins;

    /// <summary>The epoch that the batch belongs to, from 0.</summary>
    public int Epoch { get; init; }

    /// <summary>
    /// The batch's place in its epoch, from 0. Training resumes after it at (<see cref="Epoch"/>, <see cref="Index"/> + 1).
    /// </summary>
    public int Index { get; init; }

    /// <summary>Names of the patients.</summary>
    public required IReadOnlyList<string> Patients { get; init; }

    /// <summary>By kind of image: float32 <c>[B, 1, D, H, W]</c> on the CPU, from 0 to 1; masks are 0 and 1.</summary>
    public required IReadOnlyDictionary<string, torch.Tensor> Images { get; init; }

    /// <summary>
    /// For each patient the number of leading slices that come from the file. The slices after them are padding, which losses and metrics
    /// leave out.
    /// </summary>
    public required IReadOnlyList<int> RealSlices { get => _realSlices; init => _realSlices = value; }

    /// <summary>Latents that were computed before, or null: then they are computed of <see cref="Images"/>.</summary>
    public LatentPair? Latents { get; init; }

    /// <summary>
    /// Numbers of tumours by size (<see cref="TumourSizes.Edges"/>), int64 <c>[B, 7]</c> on the CPU, or null where nothing asked for them.
    /// </summary>
    public torch.Tensor? SizeBins { get => _sizeBins; init => _sizeBins = value; }

    /// <summary>Of each sample, which of a plan's modalities its target is; null where it is the plan's target.</summary>
    public IReadOnlyList<int>? Modalities { get; init; }

    /// <summary>Weight of each voxel in the loss, float32 <c>[B, 1, D, H, W]</c> on the CPU, or null where all are 1.</summary>
    public torch.Tensor? LossWeights { get; init; }

    /// <summary>
    /// Takes as real no more slices than so many: what other processes' shares of the same batch have in common with this one.
    /// </summary>
    internal void Shorten(int slices) => _realSlices = [.. _realSlices.Select(real => Math.Min(real, slices))];

    /// <summary>Puts other numbers of tumours in the place of the patients' own.</summary>
    internal void AskFor(IReadOnlyList<int> sizeBins)
    {
        _sizeBins?.Dispose();
        var counts = Patients.SelectMany(_ => sizeBins).Select(count => (long)count).ToArray();
        _sizeBins = torch.tensor(counts, [Patients.Count, sizeBins.Count]).DetachFromDisposeScope();
    }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var image in Images.Values)
            image.Dispose();
        Latents?.Target.Dispose();
        Latents?.Condition?.Dispose();
        SizeBins?.Dispose();
        LossWeights?.Dispose();
    }
}

/// <summary>What a compressor makes of a target and of the images that condition it.</summary>
/// <param name="Target">Float32 <c>[B, C, d, h, w]</c>.</param>
/// <param name="Condition">Float32 <c>[B, K, d, h, w]</c>, or null without an image condition.</param>
public sealed record LatentPair(torch.Tensor Target, torch.Tensor? Condition);
