namespace Acme.Plugin._1;

// within the namespace, so that one called My.Metric does not hide the contract's type
using System.ComponentModel.DataAnnotations;
using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

/// <summary>Options of <c>part_id</c>.</summary>
public sealed record PartNameOptions
{
    /// <summary>Voxels at each border of a volume that are left out. Default 0.</summary>
    [Range(0, 64)]
    public int Border { get; init; }
}

/// <summary>
/// How much the edges of a generated volume differ from the reference's: mean absolute difference of neighbouring voxels'
/// differences.
/// </summary>
[Metric("part_id", Summary = "Mean absolute error of the gradients along D, H and W; lower is better.")]
public sealed class PartNameMetric : IMetric<PartNameOptions>
{
    /// <inheritdoc/>
    public Metric Create(PartNameOptions options, PartContext context) => new GradientError(options.Border);

    private sealed class GradientError(int border) : Metric
    {
        public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

        public override bool HigherIsBetter => false;

        public override void Check(VolumeShape volume)
        {
            var smallest = Math.Min(volume.Depth, Math.Min(volume.Height, volume.Width));
            if (smallest < 2 * border + 2)
                throw new ArgumentException(
                    $"a volume of {volume} without borders of {border} has no neighbouring voxels; use a smaller border");
        }

        public override MetricResult Compute(Tensor real, Tensor generated)
        {
            if (real.dim() != 5 || !real.shape.SequenceEqual(generated.shape))
                throw new ArgumentException("the volumes are not [N, C, D, H, W] of the same sizes");
            Check(VolumeShape.Of(real));
            using var gradient = no_grad();
            return MetricResult.Mean([.. Enumerable.Range(0, (int)real.shape[0]).Select(index => Error(real[index], generated[index]))]);
        }

        private double Error(Tensor real, Tensor generated)
        {
            using var scope = NewDisposeScope();
            var error = Inside(generated) - Inside(real); // [C, D, H, W]; differences are linear
            return Enumerable.Range(1, 3).Average(axis => error.diff(dim: axis).abs().mean().ToDouble());
        }

        private Tensor Inside(Tensor volume)
        {
            for (var axis = 1; axis <= 3; axis++)
                volume = volume.narrow(axis, border, volume.shape[axis] - 2 * border);
            return volume;
        }
    }
}
