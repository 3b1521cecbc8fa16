using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Synthesis;

namespace VoxelZoo.Engine.Tests.Data.Synthesis;

public sealed class ScannerTests
{
    private static readonly SynthesisOptions Options = new() { Depth = 16, Height = 64, Width = 64, Bias = 0, Noise = 0.1 };

    private static float[] Exposed(float brightness, SynthesisOptions options)
    {
        var image = Enumerable.Repeat(brightness, 16 * 64 * 64).ToArray();
        Scanner.Expose(image, [.. image.Select(_ => 1f)], 1_000_000, options, new SeededRandom(1, "scan"));
        return image;
    }

    private static readonly double Gain = Exposed(1, Options with { Noise = 0 })[0];

    [Fact]
    public void Noise_alone_has_the_mean_of_a_Rayleigh_distribution() =>
        Assert.Equal(0.1 * Math.Sqrt(Math.PI / 2), Exposed(0, Options).Average() / Gain, 0.001);

    [Fact]
    public void Noise_on_bright_tissue_is_nearly_normal()
    {
        var image = Exposed(1, Options);
        var mean = image.Average(voxel => voxel / Gain);
        Assert.Equal(0.1, Math.Sqrt(image.Average(voxel => Math.Pow(voxel / Gain - mean, 2))), 0.003);
    }

    [Fact]
    public void Bias_makes_one_tissue_uneven()
    {
        var image = Exposed(1, Options with { Noise = 0, Bias = 0.2 });
        Assert.InRange(image.Max() / image.Min(), 1.1, 10);
    }

    [Fact]
    public void Outside_the_brain_all_is_zero()
    {
        var image = new float[16 * 64 * 64];
        Array.Fill(image, 1f);
        Scanner.Expose(image, new float[image.Length], 1000, Options, new SeededRandom(1, "scan"));
        Assert.All(image, voxel => Assert.Equal(0, voxel));
    }
}
