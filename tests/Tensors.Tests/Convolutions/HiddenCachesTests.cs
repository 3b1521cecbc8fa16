using TorchSharp;
using VoxelZoo.Tensors.Convolutions;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Tensors.Tests.Convolutions;

/// <summary>A machine that hides its caches, provoked on any that has an x86 CPU.</summary>
public sealed class HiddenCachesTests
{
    [Fact]
    public void Convolutions_are_wrong_without_the_cure_and_right_with_it() =>
        ChildProcess.Run(typeof(SpoiledProcess), Environment("ALL", "1"));

    [Theory]
    [InlineData("ALL", "2")]
    [InlineData("AVX2", "1")]
    public void Process_on_such_a_machine_is_cured_before_its_first_convolution(string isa, string threads) =>
        ChildProcess.Run(typeof(CuredProcess), Hidden(Environment(isa, threads)));

    [Fact]
    public void Process_whose_cure_is_not_known_computes_without_oneDNN() =>
        ChildProcess.Run(typeof(UncuredProcess), Hidden(new(Environment("ALL", "2")) { ["HIDDEN_CACHES"] = "unknown" }));

    [Theory]
    [InlineData("ALL", "1")]
    [InlineData("AVX2", "2")]
    [InlineData("SSE41", "2")]
    public void Matrix_is_right_whatever_the_instruction_set_and_the_number_of_threads(string isa, string threads) =>
        ChildProcess.Run(typeof(MatrixProcess), Environment(isa, threads));

    private static Dictionary<string, string> Environment(string isa, string threads) =>
        new() { ["OMP_NUM_THREADS"] = threads, ["ONEDNN_MAX_CPU_ISA"] = isa };

    private static Dictionary<string, string> Hidden(Dictionary<string, string> environment) =>
        new(environment) { ["DOTNET_STARTUP_HOOKS"] = ChildProcess.HiddenCaches };
}

/// <summary>Runs in a process of its own: <see cref="HiddenCachesTests"/>.</summary>
public sealed class SpoiledProcess
{
    [Fact(Explicit = true)]
    public void Convolutions_are_wrong_without_the_cure_and_right_with_it()
    {
        using var poison = UninitializedMemory.Poison();
        // one kernel that oneDNN has made stays as it was made, so each is tried once
        var calls = ConvolutionMatrix.Calls.Where(call => !call.ChannelsLast).ToArray();
        CpuCaches.Write([1, 1, 1], sharing: 1);
        Assert.True(CpuCaches.AreHidden(CpuCaches.Facts()!));
        Assert.Contains(calls.Where((_, i) => i % 2 == 0), call => !call.IsRight(torch.ScalarType.Float32));

        CpuCaches.Cure();
        Assert.False(CpuCaches.AreHidden(CpuCaches.Facts()!));
        Assert.All(UnusedCalls(), call => Assert.True(call.IsRight(torch.ScalarType.Float32), call.Key));
    }

    private static IEnumerable<ConvolutionCall> UnusedCalls() =>
        from channels in new (long In, long Out)[] { (6, 9), (10, 14), (18, 22), (26, 30), (34, 41), (50, 5) }
        from kernel in new long[] { 1, 3 }
        from depth in new long[] { 2, 5 }
        select ConvolutionCall.Cubic(channels.In, channels.Out, kernel, 1, depth, 6, 7);
}

/// <summary>Runs in a process whose caches are hidden from its start: <see cref="HiddenCachesTests"/>.</summary>
public sealed class CuredProcess
{
    [Fact(Explicit = true)]
    public void Matrix_is_right_and_the_cure_is_told()
    {
        var report = NativeTorch.Load();
        Assert.True(report.Convolutions!.OneDnn);
        Assert.Contains(report.Cures, cure => cure.Contains("hides the sizes of its caches", StringComparison.Ordinal));
        Assert.False(CpuCaches.AreHidden(report.Convolutions.Caches!));
        Assert.Empty(ConvolutionMatrix.Run().Wrong);
    }
}

/// <summary>Runs in a process whose caches are hidden, and oneDNN's knowledge of them too: <see cref="HiddenCachesTests"/>.</summary>
public sealed class UncuredProcess
{
    [Fact(Explicit = true)]
    public void Matrix_is_right_because_oneDNN_is_off()
    {
        var report = NativeTorch.Load();
        Assert.False(report.Convolutions!.OneDnn);
        Assert.Contains(report.Cures, cure => cure.Contains("oneDNN is switched off", StringComparison.Ordinal));
        var outcome = ConvolutionMatrix.Run();
        Assert.Empty(outcome.Wrong);
        Assert.Equal(0, outcome.Replaced);
    }
}

/// <summary>Runs in a process with other settings: <see cref="HiddenCachesTests"/>.</summary>
public sealed class MatrixProcess
{
    [Fact(Explicit = true)]
    public void Matrix_is_right()
    {
        var outcome = ConvolutionMatrix.Run();
        Assert.Equal(408, outcome.Tried);
        Assert.Empty(outcome.Wrong);
    }
}
