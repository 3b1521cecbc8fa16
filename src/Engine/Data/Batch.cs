using TorchSharp;

namespace VoxelZoo.Engine.Data;

/// <summary>Prepared volumes of some patients. It owns its tensors; no dispose scope does.</summary>
public sealed class Batch : IDisposable
{
    /// <summary>The epoch that the batch belongs to, from 0.</summary>
    public int Epoch { get; init; }

    /// <summary>The batch's place in its epoch, from 0. Training resumes after it at (<see cref="Epoch"/>, <see cref="Index"/> + 1).</summary>
    public int Index { get; init; }

    /// <summary>Names of the patients.</summary>
    public required IReadOnlyList<string> Patients { get; init; }

    /// <summary>By kind of image: float32 <c>[B, 1, D, H, W]</c> on the CPU, from 0 to 1; masks are 0 and 1.</summary>
    public required IReadOnlyDictionary<string, torch.Tensor> Images { get; init; }

    /// <summary>
    /// For each patient the number of leading slices that come from the file. The slices after them are padding, which losses and metrics
    /// leave out.
    /// </summary>
    public required IReadOnlyList<int> RealSlices { get; init; }

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var image in Images.Values)
            image.Dispose();
    }
}
