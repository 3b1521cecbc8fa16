using System.ComponentModel.DataAnnotations;
using TorchSharp;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>spectrum</c>.</summary>
public sealed record SpectrumOptions
{
    /// <summary>Bands of equal width between no frequency and half a cycle a voxel. Default 8.</summary>
    [Range(2, 64)]
    public int Bands { get; init; } = 8;
}

/// <summary>
/// At which sizes of detail generated volumes have more or less than real ones. The power spectrum of each volume is averaged over
/// directions in bands of frequency, from the coarsest to two voxels a cycle; the difference of the sets' mean power in a band is in
/// decibels, negative where generated volumes have less. The value is the mean of its sizes over the bands.
/// </summary>
[Metric("spectrum", Summary = "Difference of the power spectra of generated and real volumes in dB, the mean over bands; lower is better.")]
public sealed class SpectrumMetric : IMetric<SpectrumOptions>
{
    /// <inheritdoc/>
    public Metric Create(SpectrumOptions options, PartContext context) => new Spectrum(options.Bands);

    private sealed class Spectrum(int bands) : SetMetric
    {
        // below this share of the real set's largest power a band is rounding
        private const double Rounding = 1e-12;

        public override MetricInputKind Needs => MetricInputKind.Volumes;

        public override bool HigherIsBetter => false;

        public override string Extractor => $"power in {bands} bands of frequency";

        // mean power of each band, the mean over channels
        public override Tensor Features(Tensor volumes)
        {
            using var gradient = no_grad();
            using var scope = NewDisposeScope();
            // the last place takes what is in no band: the mean intensity, and the corners beyond half a cycle
            var band = BandOfEach(volumes.shape[^3..]);
            var counts = InBands(ones_like(band, dtype: ScalarType.Float64)).clamp(S(1.0));
            var rows = volumes.to(ScalarType.Float32).cpu().unbind(0).Select(volume =>
            {
                using var each = NewDisposeScope();
                var power = fft.fftn(volume, dim: [1, 2, 3]).abs().to(ScalarType.Float64).square().mean([0L]).flatten();
                return (InBands(power) / counts).MoveToOuterDisposeScope();
            });
            return stack([.. rows], 0).MoveToOuterDisposeScope();

            Tensor InBands(Tensor each) => zeros([bands + 1], ScalarType.Float64).scatter_add_(0, band, each).narrow(0, 0, bands);
        }

        public override MetricResult Compare(Tensor real, Tensor generated)
        {
            using var scope = NewDisposeScope();
            double[] of = [.. real.to(ScalarType.Float64).mean([0L]).data<double>()];
            double[] made = [.. generated.to(ScalarType.Float64).mean([0L]).data<double>()];
            var least = of.Max() * Rounding;
            if (least <= 0)
                throw new ArgumentException("the real volumes are constant, so that they have no spectrum to compare with");
            var differences = of.Zip(made, (a, b) => 10 * Math.Log10(Math.Max(b, least) / Math.Max(a, least))).ToArray();
            var details = new Dictionary<string, double> { ["n_real"] = real.shape[0], ["n_generated"] = generated.shape[0] };
            foreach (var (band, difference) in differences.Index())
                details[$"band_{band}"] = difference;
            var value = differences.Average(Math.Abs);
            return new MetricResult(value, [value]) { Details = details, Extractor = Extractor };
        }

        /// <summary>The band of each place of a spectrum; <c>bands</c> where it is in none.</summary>
        private Tensor BandOfEach(long[] shape)
        {
            using var scope = NewDisposeScope();
            var squares = zeros(shape, ScalarType.Float64);
            for (var axis = 0; axis < 3; axis++)
            {
                var length = (int)shape[axis];
                double[] cycles = [.. Enumerable.Range(0, length).Select(k => (k <= length / 2 ? k : k - length) / (double)length)];
                long[] along = [1, 1, 1];
                along[axis] = length;
                squares = squares + tensor(cycles).square().view(along);
            }

            var radius = squares.sqrt().flatten();
            var band = (radius * S(2.0 * bands)).ceil().to(ScalarType.Int64) - ones([1], ScalarType.Int64); // (lower, upper]
            var none = full_like(band, S((double)bands));
            return where(band.lt(S(0.0)).logical_or(band.ge(S((double)bands))), none, band).MoveToOuterDisposeScope();
        }
    }
}
