using System.Runtime.InteropServices;
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
        Assert.SkipUnless(Allocated() is not null, "the C library does not say what is allocated");
        using var scope = NewDisposeScope();
        var shape = new DiffusionShape(new VolumeShape(1, 16, 16, 16), new VolumeShape(1, 16, 16, 16), 1);
        options = Architecture.Fit(options with { HiddenSize = 256, NumHeads = 4, Depth = 3 }, shape);
        using var dit = Architecture.Create(options, Contexts.Cpu);
        var (sample, image, times) = (randn([1, 1, 16, 16, 16]), randn([1, 1, 16, 16, 16]), ones(1));
        dit.call(sample, times, new Conditioning { Image = image }).Dispose(); // what is compiled and allocated once
        GC.Collect();
        GC.WaitForPendingFinalizers(); // what other tests left to the collector

        var before = Allocated()!.Value;
        using var output = dit.call(sample, times, new Conditioning { Image = image });
        var kept = (Allocated()!.Value - before) / sizeof(float) - output.numel();

        var estimate = Architecture.Describe(options, shape).ActivationElements!.Value;
        // what cross attention sees was allocated by the caller
        if (options.Conditioning == ImageConditioning.CrossAttn)
            kept += sample.numel() + image.numel();
        Assert.InRange((double)kept / estimate, 0.98, 1.03);
    }

    private static long? Allocated()
    {
        try
        {
            var info = MallInfo2();
            return (long)(info.InUse + info.Mapped);
        }
        catch (Exception e) when (e is EntryPointNotFoundException or DllNotFoundException)
        {
            return null;
        }
    }

    // glibc 2.33 and later
    [DllImport("libc", EntryPoint = "mallinfo2")]
    private static extern MallocInfo MallInfo2();

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct MallocInfo
    {
        private readonly nuint _arena, _freeChunks, _fastChunks, _mappedChunks;
        public readonly nuint Mapped;
        private readonly nuint _unused, _fastBytes;
        public readonly nuint InUse;
        private readonly nuint _free, _releasable;
    }
}
