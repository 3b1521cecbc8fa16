using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

/// <summary>Contrasts of tumours, in volumes of which they are known.</summary>
public sealed class LesionsTests
{
    private static SetMetric Lesions => (SetMetric)new LesionsMetric().Create(new(), Contexts.Cpu);

    /// <summary>A cube of 3 voxels along each axis.</summary>
    private static Tensor Mask(bool empty = false)
    {
        var mask = zeros([1, 1, 12, 12, 12]);
        if (!empty)
            mask.narrow(2, 4, 3).narrow(3, 5, 3).narrow(4, 6, 3).fill_(S(1.0));
        return mask;
    }

    /// <summary>Surroundings of 0.4, darker further away than two voxels, and a tumour.</summary>
    private static Tensor Volume(double tumour)
    {
        var volume = full([1, 1, 12, 12, 12], S(0.1));
        volume.narrow(2, 2, 7).narrow(3, 3, 7).narrow(4, 4, 7).fill_(S(0.4));
        volume.narrow(2, 4, 3).narrow(3, 5, 3).narrow(4, 6, 3).fill_(S(tumour));
        return volume;
    }

    private static Tensor Features(params double[] tumours) =>
        Lesions.MaskedFeatures(cat([.. tumours.Select(Volume)], 0), cat([.. tumours.Select(_ => Mask())], 0));

    [Theory]
    [InlineData(0.8, 1)] // as bright as the real one
    [InlineData(0.6, 0.5)]
    [InlineData(1.2, 2)] // twice its contrast
    [InlineData(0.4, 0)] // none to be seen
    [InlineData(0.2, -0.5)] // dark
    public void Value_is_the_ratio_of_contrasts(double tumour, double expected)
    {
        using var scope = NewDisposeScope();

        var result = Lesions.Compare(Features(0.8, 0.8), Features(tumour));

        Assert.Equal(expected, result.Value, 1e-6);
        Assert.Equal(1, result.Details["contrast_real"], 1e-6);
        Assert.Equal(tumour / 0.4 - 1, result.Details["contrast"], 1e-6);
        Assert.Equal(expected < 0.5 - 1e-6, result.Warnings.Count > 0);
    }

    [Fact]
    public void Volumes_without_a_tumour_say_nothing()
    {
        using var scope = NewDisposeScope();
        var features = Lesions.MaskedFeatures(cat([Volume(0.8), Volume(0.3)], 0), cat([Mask(), Mask(empty: true)], 0));

        Assert.Equal((1, 1), Lesions.Compare(features, features) is var one ? (one.Value, one.Details["n_real"]) : default);
        var refusal = Assert.Throws<ArgumentException>(() => Lesions.Compare(features, features.narrow(0, 1, 1)));
        Assert.StartsWith("no generated volume has a tumour", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Channels_are_averaged_and_other_masks_refused()
    {
        using var scope = NewDisposeScope();
        var two = Lesions.MaskedFeatures(cat([Volume(0.8), Volume(0.4)], 1), Mask());

        Assert.Equal(0.5, two[0, 0].item<double>(), 1e-6);
        Assert.Throws<ArgumentException>(() => Lesions.MaskedFeatures(Volume(0.8), Mask().narrow(2, 0, 11)));
        Assert.Throws<ArgumentException>(() => Lesions.Compute(Volume(0.8), Volume(0.8)));
    }
}
