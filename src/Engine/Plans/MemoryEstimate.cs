namespace VoxelZoo.Engine.Plans;

/// <summary>
/// Estimated memory of the tensors of training, in bytes, where it peaks: between the forward and the backward pass. What the process takes
/// besides is not in it, nor what the allocator holds without using it; see <see cref="Process"/>.
/// </summary>
/// <param name="Weights">Float32 weights of denoiser, average and compressor.</param>
/// <param name="Gradients">Float32 gradients.</param>
/// <param name="Optimizer">The two moments of AdamW.</param>
/// <param name="Activations">What a forward pass keeps for the backward pass, or null where the architecture does not say.</param>
public sealed record MemoryEstimate(long Weights, long Gradients, long Optimizer, long? Activations)
{
    /// <summary>The sum; a lower bound where activations are not known.</summary>
    public long Total => Weights + Gradients + Optimizer + (Activations ?? 0);

    /// <summary>
    /// What a process that trains in float32 on a CPU is likely to have resident at its peak; null where activations are not known. A rule
    /// found by measuring, of libtorch, the runtime and what the allocator holds: docs/performance.md says how near it came.
    /// </summary>
    public long? Process => Activations is null ? null : (450L << 20) + (Total * 3 / 2);

    /// <summary>What training is estimated to take, for people.</summary>
    public string Describe() =>
        $"{ByteCount.Shown(Total)} estimated for training (weights {ByteCount.Shown(Weights)}, gradients {ByteCount.Shown(Gradients)}, "
        + $"optimizer {ByteCount.Shown(Optimizer)}, activations {(Activations is { } a ? ByteCount.Shown(a) : "unknown")})";
}
