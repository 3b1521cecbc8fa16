using System.Runtime.InteropServices;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Tests.CommandLine;

public sealed class MemoryShortageTests
{
    private const string Allocator = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
        + "you tried to allocate 14155776 bytes. Error code 12 (Cannot allocate memory)";

    [Fact]
    public void Amount_limit_and_remedy_are_named() => Assert.Equal(
        "13.5 MiB of memory could not be had: the address space of this process is limited to 4.00 GiB (ulimit -v), "
        + "of which 3.50 GiB are taken; lift that limit, "
            + "or take less by a smaller batch_size, gradient_checkpointing: true or a smaller data.cache_megabytes",
        MemoryShortage.Sentence(Allocator, (4L << 30, 7L << 29), 1));

    [Fact]
    public void What_is_left_is_named_where_addresses_are_not_limited() =>
        Assert.StartsWith(
            "memory ran out: this machine, or the job's share of it, has 512.0 MiB left; give it more",
            MemoryShortage.Sentence("std::bad_alloc", null, 512 << 20),
            StringComparison.Ordinal);

    [Fact]
    public void Shortage_is_seen_in_every_disguise()
    {
        Exception[] shortages =
        [
            new OutOfMemoryException(),
            new ExternalException(Allocator),
            new ExternalException("std::bad_alloc"),
            new InvalidOperationException("outer", new OutOfMemoryException()),
        ];
        Assert.All(shortages, error => Assert.NotNull(MemoryShortage.Sentence(error)));
        Assert.Null(MemoryShortage.Sentence(new InvalidOperationException("the sizes do not agree")));
    }
}
