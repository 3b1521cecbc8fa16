namespace VoxelZoo.Tensors;

/// <summary>Hyperparameters of AdamW (arXiv 1711.05101, algorithm 2); the defaults are PyTorch's.</summary>
public sealed record AdamWOptions
{
    /// <summary>Step size, ≥ 0.</summary>
    public double LearningRate { get; init; } = 1e-3;

    /// <summary>Decay of the first moment, in [0, 1).</summary>
    public double Beta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment, in [0, 1).</summary>
    public double Beta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator, ≥ 0.</summary>
    public double Epsilon { get; init; } = 1e-8;

    /// <summary>Decoupled weight decay, ≥ 0; each step multiplies the weights by <c>1 − LearningRate · WeightDecay</c>.</summary>
    public double WeightDecay { get; init; } = 1e-2;

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(LearningRate);
        ArgumentOutOfRangeException.ThrowIfNegative(Epsilon);
        ArgumentOutOfRangeException.ThrowIfNegative(WeightDecay);
        if (Beta1 is not (>= 0 and < 1) || Beta2 is not (>= 0 and < 1))
            throw new ArgumentOutOfRangeException(nameof(Beta1), $"the betas are {Beta1} and {Beta2}; both belong in [0, 1)");
    }
}
