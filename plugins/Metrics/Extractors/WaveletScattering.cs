using System.Numerics;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics.Extractors;

/// <summary>
/// A fixed scattering transform (Bruna and Mallat, arXiv:1203.1513) with 3-D Haar wavelets and four scales: how strong are edges of
/// each size and direction, and how unevenly are they spread? It knows nothing of anatomy and needs no weights.
/// </summary>
/// <remarks>
/// <para>
/// At scale s = 1 … 4 the volume is averaged to blocks of 2^(s−1) voxels. Sums and differences of neighbouring blocks, halved, along D,
/// H and W give one low band and seven high ones, at every block and around the borders. A volume has 83 coefficients a channel:
/// its mean; the mean modulus of each high band (4 × 7); and of the moduli of scale s, added up over the bands with 1, 2 and 3 high
/// axes, the mean modulus at each coarser scale, added up likewise (6 pairs of scales × 3 × 3).
/// A feature is the logarithm of 0.001 plus the coefficient, so that weak bands count by their ratio and what is invisible does not count.
/// </para>
/// <para>
/// Means over the volume make the features insensitive to shifts; one by 8 voxels, around the border, changes nothing where sides are
/// multiples of 8. Time and memory are those of about forty passes over the volume and fourteen copies of it.
/// </para>
/// </remarks>
internal sealed class WaveletScattering(Device device) : FeatureExtractor(device)
{
    public const string Name = "scattering";

    private const int Scales = 4;
    private const int SmallestSide = 1 << Scales;
    private const double Floor = 1e-3;

    public override string Id => "scattering (3-D Haar, 4 scales, log; version 1)";

    public override void Check(VolumeShape volume)
    {
        if (StructuralSimilarity.SmallestSide(volume) is var smallest && smallest < SmallestSide)
            throw new ArgumentException(
                $"the volumes' smallest side has {smallest} voxels; the extractor `{Name}` has {Scales} scales and needs {SmallestSide}");
    }

    protected override Tensor Extract(Tensor volume)
    {
        Check(VolumeShape.Of(volume));
        var coefficients = volume[0].unbind(0).SelectMany(Coefficients);
        return (stack([.. coefficients], 0) + S(Floor)).log().unsqueeze(0);
    }

    /// <summary>83 coefficients, each a scalar, of one channel <c>[D, H, W]</c>.</summary>
    private static List<Tensor> Coefficients(Tensor x)
    {
        using var scope = NewDisposeScope();
        var coefficients = new List<Tensor> { x.mean() };
        for (var scale = 1; scale <= Scales; scale++)
        {
            using var inner = NewDisposeScope();
            var bands = Bands(x);
            var moduli = bands[1..].Select(band => band.abs_()).ToArray();
            var found = moduli.Select(modulus => modulus.mean()).ToList();
            foreach (var group in ByHighAxes(moduli))
                found.AddRange(SecondOrder(group.Aggregate((sum, modulus) => sum + modulus), scale));
            coefficients.AddRange(found.Select(coefficient => coefficient.MoveToOuterDisposeScope()));
            x = EverySecond(bands[0]).MoveToOuterDisposeScope();
        }

        return [.. coefficients.Select(coefficient => coefficient.MoveToOuterDisposeScope())];
    }

    /// <summary>Three coefficients for each scale coarser than <paramref name="scale"/>, on whose grid the moduli are.</summary>
    private static List<Tensor> SecondOrder(Tensor moduli, int scale)
    {
        using var scope = NewDisposeScope();
        var coefficients = new List<Tensor>();
        var coarse = moduli;
        for (var next = scale; next <= Scales; next++)
        {
            var bands = Bands(coarse);
            if (next > scale)
                coefficients.AddRange(
                    ByHighAxes(bands[1..]).Select(group => group.Select(band => band.abs().mean()).Aggregate((sum, mean) => sum + mean)));
            coarse = EverySecond(bands[0]);
        }

        return [.. coefficients.Select(coefficient => coefficient.MoveToOuterDisposeScope())];
    }

    /// <summary>The eight bands of <c>[D, H, W]</c> at index 4d + 2h + w, 1 for high; each as large as <paramref name="x"/>.</summary>
    private static Tensor[] Bands(Tensor x)
    {
        Tensor[] bands = [x];
        for (var axis = 0; axis < 3; axis++)
            bands = [.. bands.SelectMany(band => Split(band, axis))];
        return bands;
    }

    private static Tensor[] Split(Tensor x, int axis)
    {
        using var scope = NewDisposeScope();
        var next = x.roll(-1, axis);
        return [(next + x).mul_(S(0.5)).MoveToOuterDisposeScope(), (next - x).mul_(S(0.5)).MoveToOuterDisposeScope()];
    }

    /// <summary>The seven high bands in groups of one, two and three high axes.</summary>
    private static IEnumerable<Tensor[]> ByHighAxes(Tensor[] high) =>
        high.Select((band, index) => (Band: band, Axes: BitOperations.PopCount((uint)index + 1)))
            .GroupBy(item => item.Axes, item => item.Band)
            .OrderBy(group => group.Key)
            .Select(group => group.ToArray());

    private static Tensor EverySecond(Tensor x)
    {
        using var scope = NewDisposeScope();
        var step = TensorIndex.Slice(null, null, 2);
        return x[step, step, step].contiguous().MoveToOuterDisposeScope();
    }
}
