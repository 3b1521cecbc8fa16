namespace VoxelZoo.Engine.Plans;

/// <summary>
/// Estimated memory of the tensors of training, in bytes, where it peaks: between the forward and the backward pass. What the process takes
/// besides is not in it, nor what the allocator holds without using it: on a CPU the resident memory has been up to twice as much.
/// </summary>
/// <param name="Weights">Float32 weights of denoiser, average and compressor.</param>
/// <param name="Gradients">Float32 gradients.</param>
/// <param name="Optimizer">The two moments of AdamW.</param>
/// <param name="Activations">What a forward pass keeps for the backward pass, or null where the architecture does not say.</param>
public sealed record MemoryEstimate(long Weights, long Gradients, long Optimizer, long? Activations)
{
    /// <summary>The sum; a lower bound where activations are not known.</summary>
    public long Total => Weights + Gradients + Optimizer + (Activations ?? 0);

    /// <summary>What training is estimated to take, for people.</summary>
    public string Describe() =>
        $"{ByteCount.Shown(Total)} estimated for training (weights {ByteCount.Shown(Weights)}, gradients {ByteCount.Shown(Gradients)}, "
        + $"optimizer {ByteCount.Shown(Optimizer)}, activations {(Activations is { } a ? ByteCount.Shown(a) : "unknown")})";
}
