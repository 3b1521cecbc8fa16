using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>A metric of each generated volume against the real volume of the same index.</summary>
internal abstract class PairedMetric : Metric
{
    public override MetricInputKind Needs => MetricInputKind.PairedVolumes;

    public override bool HigherIsBetter => true;

    public override MetricResult Compute(Tensor real, Tensor generated)
    {
        if (real.dim() != 5 || !real.shape.SequenceEqual(generated.shape))
            throw new ArgumentException(
                $"the reference is {Shape(real)} and the generated is {Shape(generated)}; both must be [N, C, D, H, W] of the same sizes");
        if (real.numel() == 0)
            throw new ArgumentException($"there is nothing to compare in volumes of {Shape(real)}");

        Finite.Require(real, "reference");
        Finite.Require(generated, "generated");
        Check(VolumeShape.Of(real));
        using var gradient = no_grad();
        var values = new double[real.shape[0]];
        for (var index = 0; index < values.Length; index++)
        {
            using var scope = NewDisposeScope();
            values[index] = Compare(Volume(real, index), Volume(generated, index));
            if (!double.IsFinite(values[index]))
                throw new ArgumentException(
                    FormattableString.Invariant(
                        $"the intensities of volume {index} are too large to compute with: they reach {Largest(real, generated, index):G4}")
                    + "; rescale reference and generated alike, best to 0 … 1");
        }

        string?[] warnings = [OutOfRange(real, "reference"), OutOfRange(generated, "generated")];
        return MetricResult.Mean(values) with { Warnings = [.. warnings.OfType<string>()] };
    }

    /// <summary>
    /// Compares two volumes <c>[1, C, D, H, W]</c>, float32, or float64 where they are given so; called in a dispose scope.
    /// </summary>
    protected abstract double Compare(Tensor real, Tensor generated);

    /// <summary>What to say of volumes whose intensities are not those that the metric is for, or null.</summary>
    protected virtual string? OutOfRange(Tensor volumes, string name) => null;

    private static Tensor Volume(Tensor volumes, int index) =>
        volumes.narrow(0, index, 1).to_type(volumes.dtype == ScalarType.Float64 ? ScalarType.Float64 : ScalarType.Float32);

    private static double Largest(Tensor real, Tensor generated, int index) =>
        new[] { real, generated }.Select(volumes => Intensities.Of(volumes.narrow(0, index, 1)))
            .Max(range => Math.Max(Math.Abs(range.Low), Math.Abs(range.High)));

    private static string Shape(Tensor tensor) => $"[{string.Join(", ", tensor.shape)}]";
}
