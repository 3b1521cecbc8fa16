using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>l1</c>: none.</summary>
public sealed record L1Options;

/// <summary>Mean absolute error over all voxels and channels of each volume; intensities are taken as they are, without clamping.</summary>
[Metric("l1", Summary = "Mean absolute error of each volume; lower is better.")]
public sealed class L1Metric : IMetric<L1Options>
{
    /// <inheritdoc/>
    public Metric Create(L1Options options, PartContext context) => new L1();

    private sealed class L1 : PairedMetric
    {
        public override bool HigherIsBetter => false;

        protected override double Compare(Tensor real, Tensor generated) =>
            (real.to_type(ScalarType.Float64) - generated.to_type(ScalarType.Float64)).abs().mean().ToDouble();
    }
}
