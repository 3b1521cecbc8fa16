using TorchSharp;
using VoxelZoo.Abstractions;
using Xunit;
using static TorchSharp.torch;

namespace Acme.UViT.Tests;

/// <summary>The transform is orthonormal, so that all follows from Parseval.</summary>
public sealed class DctTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void All_frequencies_give_the_volume_back(int block)
    {
        using var scope = NewDisposeScope();
        using var dct = Create(block, block);
        var volume = rand([2, 2, 8, 16, 24]);

        Assert.True(dct.Decode(dct.Encode(volume)).allclose(volume, 1e-4, 1e-5));
    }

    [Fact]
    public void Error_is_the_energy_of_what_is_left_out()
    {
        using var scope = NewDisposeScope();
        using var all = Create(4, 4);
        using var low = Create(4, 2);
        var volume = rand([1, 1, 8, 8, 8]);

        var lost = (low.Decode(low.Encode(volume)) - volume).square().sum().ToDouble();

        // what it left out is what the other one decodes without the low frequencies
        var latent = all.Encode(volume).reshape(4, 4, 4, -1);
        latent.narrow(0, 0, 2).narrow(1, 0, 2).narrow(2, 0, 2).zero_();
        Assert.Equal(all.Decode(latent.reshape(1, 64, 2, 2, 2)).square().sum().ToDouble(), lost, 1e-4 * lost);
    }

    [Fact]
    public void More_frequencies_than_there_are_is_refused()
    {
        var refusal = Assert.Throws<PlanException>(
            () => Part.LatentShape(new DctOptions { Block = 2, Keep = 3 }, new VolumeShape(1, 8, 8, 8)));

        Assert.Equal("keep", refusal.Key);
    }

    private static DctCompressor Part => new();

    private static Compressor Create(int block, int keep) => Part.Create(
        new DctOptions { Block = block, Keep = keep },
        PartContext.Meta with { Device = CPU, PluginFolder = Path.GetDirectoryName(typeof(DctCompressor).Assembly.Location) });
}
