using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics.Extractors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>Options of <c>lpips</c>.</summary>
public sealed record LpipsOptions
{
    /// <summary>
    /// A safetensors file that <c>features export</c> wrote, or a TorchScript file, whose network takes slices <c>[n, 3, H, W]</c> in
    /// [0, 1] and returns features <c>[n, c, h, w]</c>, or a tuple or list of such; preprocessing belongs into it. There is no default.
    /// </summary>
    public string? Network { get; init; }

    /// <summary>Slices that the network sees at once. The value does not depend on it. Default 32.</summary>
    [Range(1, 4096)]
    public int Chunk { get; init; } = 32;
}

/// <summary>
/// Perceptual distance of axial slices: features of a network, normalised over the channels at each place, their squared distance averaged
/// over places, added over layers, and averaged over slices. With ImageNet or RadImageNet features it is what the first public version of
/// this system called LPIPS; the calibrated LPIPS (arXiv:1801.03924) weighs channels by what people see, which a file may do as its last
/// step.
/// </summary>
[Metric("lpips", Summary = "Perceptual distance of axial slices by a network of features; lower is better.")]
public sealed class LpipsMetric : IMetric<LpipsOptions>
{
    /// <inheritdoc/>
    public Metric Create(LpipsOptions options, PartContext context) => options.Network is { Length: > 0 } network
        ? new Lpips(SliceNetwork.Load(network, context.Device), options.Chunk)
        : throw new PlanException(
            "lpips compares features of a network; set network to a TorchScript file that takes slices [n, 3, H, W], or to one that "
            + "`features export` wrote, see docs/metrics.md",
            "network");

    /// <inheritdoc/>
    public IReadOnlyList<string> Networks(LpipsOptions options) => options.Network is { Length: > 0 } network ? [network] : [];

    private sealed class Lpips(SliceNetwork network, int chunk) : PairedMetric
    {
        public override bool HigherIsBetter => false;

        public override void Check(VolumeShape volume) => network.Check(volume);

        public override MetricResult Compute(Tensor real, Tensor generated) =>
            base.Compute(real, generated) with { Extractor = network.Id };

        protected override string? OutOfRange(Tensor volumes, string name) => Intensities.Of(volumes) is { Low: < 0 } or { High: > 1 }
            ? $"the intensities of {name} are clamped to 0 to 1, and some lie outside; rescale them"
            : null;

        protected override double Compare(Tensor real, Tensor generated)
        {
            var slices = SliceNetwork.Slices(real.to_type(ScalarType.Float32));
            var others = SliceNetwork.Slices(generated.to_type(ScalarType.Float32));
            var sum = 0.0;
            foreach (var (a, b) in slices.split(chunk).Zip(others.split(chunk)))
            {
                using var scope = NewDisposeScope();
                sum += network.Features(a).Zip(network.Features(b), SliceNetwork.Distance).Sum();
            }

            return sum / slices.shape[0];
        }
    }
}
