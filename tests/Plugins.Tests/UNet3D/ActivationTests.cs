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
        unet.call(sample, times, Conditioning.None).Dispose(); // what is compiled and allocated once
        GC.Collect();
        GC.WaitForPendingFinalizers(); // what other tests left to the collector

        // the runtime's compiler allocates now and then, on a thread of its own: of most passes, nothing
        var kept = Enumerable.Range(0, 9).Select(_ => Kept(() => unet.call(sample, times, Conditioning.None))).Order().ElementAt(4);
        var estimate = Architecture.Describe(options, shape).ActivationElements!.Value;
        Assert.InRange((double)kept / estimate, 0.98, 1.03);
    }

    // elements that are allocated beside the result
    private static long Kept(Func<Tensor> compute)
    {
        var before = NativeHeap.Allocated;
        using var output = compute();
        return (NativeHeap.Allocated - before) / sizeof(float) - output.numel();
    }
}
