using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DiT;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.DiT;

public sealed class ActivationTests
{
    private static readonly DiTArchitecture Architecture = new();

    public static TheoryData<DiTOptions> Networks =>
    [
        new DiTOptions(),
        new DiTOptions { QkNorm = false, MlpRatio = 2 },
        new DiTOptions { LearnSigma = true },
        new DiTOptions { Conditioning = ImageConditioning.CrossAttn },
        new DiTOptions { Conditioning = ImageConditioning.CrossAttn, QkNorm = false },
    ];

    [Theory]
    [MemberData(nameof(Networks), DisableDiscoveryEnumeration = true)]
    public void Estimate_is_what_a_forward_pass_leaves_allocated_for_the_backward_pass(DiTOptions options)
    {
        Assert.SkipUnless(NativeHeap.IsKnown, "the C library does not say what is allocated");
        using var scope = NewDisposeScope();
        var shape = new DiffusionShape(new VolumeShape(1, 16, 16, 16), new VolumeShape(1, 16, 16, 16), 1);
        options = Architecture.Fit(options with { HiddenSize = 256, NumHeads = 4, Depth = 3 }, shape);
        using var dit = Architecture.Create(options, Contexts.Cpu);
        var (sample, image, times) = (randn([1, 1, 16, 16, 16]), randn([1, 1, 16, 16, 16]), ones(1));

        var kept = KeptMemory.Elements(() => dit.call(sample, times, new Conditioning { Image = image }));

        var estimate = Architecture.Describe(options, shape).ActivationElements!.Value;
        // what cross attention sees was allocated by the caller
        if (options.Conditioning == ImageConditioning.CrossAttn)
            kept += sample.numel() + image.numel();
        Assert.InRange((double)kept / estimate, 0.98, 1.03);
    }
}
