using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.UNet3D;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.UNet3D;

public sealed class ActivationTests
{
    private static readonly UNet3DArchitecture Architecture = new();

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Estimate_is_what_a_forward_pass_leaves_allocated_for_the_backward_pass(bool resblockUpdown)
    {
        using var scope = NewDisposeScope();
        var volume = new VolumeShape(1, 16, 16, 16);
        var shape = new DiffusionShape(volume, volume, 0);
        var options = Architecture.Fit(
            new UNet3DOptions
            {
                Channels = [32, 64, 64],
                NumResBlocks = [1, 1, 1],
                AttentionLevels = [false, true, true],
                ResblockUpdown = resblockUpdown,
            },
            shape);
        using var unet = Architecture.Create(options, Contexts.Cpu);
        var (sample, times) = (randn([1, 1, 16, 16, 16]), ones(1));

        var kept = KeptMemory.Elements(() => unet.call(sample, times, Conditioning.None));

        var estimate = Architecture.Describe(options, shape).ActivationElements!.Value;
        Assert.InRange((double)kept / estimate, 0.98, 1.03);
    }
}
