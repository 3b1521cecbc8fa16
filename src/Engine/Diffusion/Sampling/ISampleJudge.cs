using static TorchSharp.torch;

namespace VoxelZoo.Engine.Diffusion.Sampling;

/// <summary>Tells real samples from generated ones at any noise level, for samplers that reject by it.</summary>
public interface ISampleJudge : IDisposable
{
    /// <summary>SHA-256 of its weights, or null where they are new.</summary>
    string? Sha256 { get; }

    /// <summary>The logarithms <c>[B]</c> of the ratios of real samples' density to generated ones'.</summary>
    /// <param name="noisy"><c>[B, C, d, h, w]</c>.</param>
    /// <param name="timestep">Their time, 0 to 1000.</param>
    /// <param name="condition">What they are conditioned on.</param>
    Tensor LogRatio(Tensor noisy, double timestep, ModelCondition condition);
}
