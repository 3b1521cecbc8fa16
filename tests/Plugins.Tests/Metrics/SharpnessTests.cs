using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

public sealed class SharpnessTests
{
    private static Metric Sharpness => new SharpnessMetric().Create(new(), Contexts.Cpu);

    /// <summary>An ellipsoid with a hole and waves of two lengths.</summary>
    private static Tensor Head(double a, double b)
    {
        var values = new float[14 * 18 * 16];
        for (var (i, d) = (0, 0); d < 14; d++)
            for (var h = 0; h < 18; h++)
                for (var w = 0; w < 16; w++, i++)
                {
                    var r = Math.Pow((d - 6.5) / 6, 2) + Math.Pow((h - 8.5) / 8, 2) + Math.Pow((w - 7.5) / 7, 2);
                    values[i] = r is < 1 and >= 0.04
                        ? (float)(0.5 + 0.25 * Math.Cos(a * d + 0.5 * h) * Math.Cos(b * w) + 0.05 * Math.Cos(2.7 * (d + h + w)))
                        : 0;
                }

        return tensor(values, [1, 1, 14, 18, 16]);
    }

    // scipy 1.10.1: percentile, gaussian_filter of 1 and 0.5, binary_fill_holes and two binary_erosions of what is above 0.2
    [Fact]
    public void Energies_are_those_of_scipy()
    {
        using var scope = NewDisposeScope();
        var rows = ((SetMetric)Sharpness).Features(cat([Head(0.9, 0.7), Head(0.3, 0.2)], 0));

        double[] expected =
        [
            0.01321508176624775, 0.0024217821191996336, 0.14484126984126985,
            0.007214375771582127, 0.0022371455561369658, 0.14484126984126985,
        ];
        double[] computed = [.. rows.to(ScalarType.Float64).flatten().data<double>()];
        Assert.All(expected.Zip(computed), pair => Assert.Equal(1, pair.Second / pair.First, 1e-5));
    }

    [Fact]
    public void Value_is_the_energy_by_the_real_one_and_one_is_best()
    {
        using var scope = NewDisposeScope();
        var (rough, smooth) = (Head(0.9, 0.7), Head(0.3, 0.2));

        var softer = Sharpness.Compute(rough, cat([smooth, rough], 0));
        var sharper = Sharpness.Compute(smooth, rough);

        var ratio = 0.007214375771582127 / 0.01321508176624775;
        Assert.Equal((1 + ratio) / 2, softer.Value, 1e-5);
        Assert.Equal(ratio, softer.Details["worst"], 1e-5);
        Assert.Equal(1 / ratio, sharper.Value, 1e-4);
        Assert.Equal(1, Sharpness.Compute(rough, rough).Value, 1e-9);
        Assert.Equal(1, Sharpness.BestValue);
        Assert.Equal(1, softer.Details["head"], 1e-9);
    }

    [Fact]
    public void Soft_and_noisy_volumes_are_called_so()
    {
        using var scope = NewDisposeScope();
        manual_seed(4);
        var head = Head(0.9, 0.7);
        var blurred = nn.functional.avg_pool3d(head, [5L, 5, 5], [1L, 1, 1], [2L, 2, 2]);
        var noisy = head + randn_like(head) * S(0.15);

        Assert.Contains(Sharpness.Compute(head, blurred).Warnings, warning => warning.Contains("soft", StringComparison.Ordinal));
        var result = Sharpness.Compute(head, noisy);
        Assert.Contains(result.Warnings, warning => warning.Contains("noisy", StringComparison.Ordinal));
        Assert.True(result.Value > 1.25 && result.Details["finest"] > 2, $"{result.Value} {result.Details["finest"]}");
        Assert.Empty(Sharpness.Compute(head, head).Warnings);
    }

    [Fact]
    public void Real_volumes_without_a_head_are_refused()
    {
        using var scope = NewDisposeScope();
        var black = zeros([1, 1, 14, 18, 16]);
        var refusal = Assert.Throws<ArgumentException>(() => Sharpness.Compute(black, Head(0.9, 0.7)));
        Assert.Contains("no real volume has detail", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(0, Sharpness.Compute(Head(0.9, 0.7), black).Value); // and of generated ones it is said by the value
    }
}
