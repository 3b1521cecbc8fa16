using TorchSharp;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Tensors.Tests.Native;

/// <summary>Where the memory of tensors that were freed is, by what the C library says of itself.</summary>
public sealed class FreedMemoryTests
{
    [Fact]
    public void Memory_of_freed_tensors_is_kept_for_the_next() => Run(typeof(KeepingProcess));

    [Theory]
    [InlineData("MALLOC_MMAP_THRESHOLD_", "1048576")]
    [InlineData("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=1048576:glibc.malloc.arena_max=1")]
    public void It_goes_back_to_the_system_where_the_user_asks(string variable, string value) =>
        Run(typeof(ReturningProcess), (variable, value));

    [Fact]
    public void Other_tunables_of_the_C_library_choose_nothing() => Run(typeof(KeepingProcess), ("GLIBC_TUNABLES", "glibc.rtld.nns=4"));

    private static void Run(Type process, params (string Variable, string Value)[] chosen)
    {
        Assert.SkipUnless(NativeHeap.IsKnown, "the C library does not say what it holds");
        // threads of a test have heaps of their own otherwise, which hold no large tensor
        var environment = new Dictionary<string, string> { ["MALLOC_ARENA_MAX"] = "1" };
        foreach (var (variable, value) in chosen)
            environment[variable] = value;
        ChildProcess.Run(process, environment);
    }
}

/// <summary>Runs in a process of its own: <see cref="FreedMemoryTests"/>.</summary>
public sealed class KeepingProcess
{
    [Fact(Explicit = true)]
    public void Large_tensor_is_none_of_the_systems()
    {
        const long bytes = 100 << 20;
        var tensor = torch.ones(bytes, torch.uint8);
        Assert.InRange(NativeHeap.Mapped, 0, bytes - 1); // what was mapped before stays so
        tensor.Dispose();
        Assert.InRange(NativeHeap.Kept, bytes, long.MaxValue);
    }
}

/// <summary>Runs in a process of its own: <see cref="FreedMemoryTests"/>.</summary>
public sealed class ReturningProcess
{
    [Fact(Explicit = true)]
    public void Large_tensor_is_the_systems()
    {
        const long bytes = 100 << 20;
        var tensor = torch.ones(bytes, torch.uint8);
        Assert.InRange(NativeHeap.Mapped, bytes, long.MaxValue);
        tensor.Dispose();
        Assert.InRange(NativeHeap.Kept, 0, bytes - 1);
    }
}
