using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>mse</c>: none.</summary>
public sealed record MseOptions;

/// <summary>Mean squared error over all voxels and channels of each volume; intensities are taken as they are, without clamping.</summary>
[Metric("mse", Summary = "Mean squared error of each volume; lower is better.")]
public sealed class MseMetric : IMetric<MseOptions>
{
    /// <inheritdoc/>
    public Metric Create(MseOptions options, PartContext context) => new Mse();

    private sealed class Mse : PairedMetric
    {
        public override bool HigherIsBetter => false;

        // float32 holds no square beyond 3e38
        protected override double Compare(Tensor real, Tensor generated) =>
            (real.to_type(ScalarType.Float64) - generated.to_type(ScalarType.Float64)).square().mean().ToDouble();
    }
}
