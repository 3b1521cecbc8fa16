using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors;

/// <summary>Embeddings of diffusion timesteps.</summary>
public static class TimeEmbedding
{
    /// <summary>
    /// The sinusoidal embedding <c>[cos(t·f) | sin(t·f)]</c> with <c>f_i = maxPeriod^(−i/half)</c>, <c>half = dimension / 2</c>
    /// (arXiv 1706.03762, section 3.5, with the cosines first as in DDPM's descendants).
    /// </summary>
    /// <param name="timesteps"><c>[B]</c>, any dtype; raw timesteps such as 0 … 1000, fractions allowed.</param>
    /// <param name="dimension">Length of the embedding; an odd one ends in a zero.</param>
    /// <param name="maxPeriod">Longest period over 2π.</param>
    /// <returns>
    /// <c>[B, dimension]</c>, float32 on the timesteps' device whatever their dtype, because bfloat16 has no digits left for t near 1000.
    /// </returns>
    public static Tensor Sinusoidal(Tensor timesteps, long dimension, double maxPeriod = 10000)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(dimension, 2);
        using var scope = NewDisposeScope();
        var half = dimension / 2;
        var exponents = arange(half, ScalarType.Float32, timesteps.device) * S(-Math.Log(maxPeriod) / half);
        var angles = timesteps.to_type(ScalarType.Float32).unsqueeze(1) * exponents.exp().unsqueeze(0);
        var embedding = cat([angles.cos(), angles.sin()], dim: 1);
        if (dimension % 2 == 1)
            embedding = nn.functional.pad(embedding, [0, 1]);
        return embedding.MoveToOuterDisposeScope();
    }
}
