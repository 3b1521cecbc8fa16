using System.Runtime.InteropServices;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Fixtures.Killing;

public sealed record NoOptions;

public abstract class Killer : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context) => throw new NotSupportedException();
}

[Metric("hangs")]
public sealed class Hanging : Killer
{
    public Hanging() => Thread.Sleep(Timeout.Infinite);
}

[Metric("fails_fast")]
public sealed class FailingFast : Killer
{
    public FailingFast() => Environment.FailFast("failed fast");
}

[Metric("overflows")]
public sealed class Overflowing : Killer
{
    public Overflowing() => Deeper(0);

    private static int Deeper(int depth) => depth < 0 ? depth : Deeper(depth + 1) + Deeper(depth + 2);
}

[Metric("throws_on_a_thread")]
public sealed class ThrowingOnThread : Killer
{
    public ThrowingOnThread()
    {
        new Thread(() => throw new InvalidOperationException("thrown on a thread")).Start();
        Thread.Sleep(Timeout.Infinite);
    }
}

/// <summary>Takes 64 MiB after 64 MiB, 4 GiB at most.</summary>
[Metric("eats_memory")]
public sealed unsafe class EatingMemory : Killer
{
    public EatingMemory()
    {
        const int block = 64 << 20;
        for (var i = 0; i < 64; i++)
        {
            new Span<byte>(NativeMemory.Alloc(block), block).Fill(1);
            Thread.Sleep(20);
        }

        Thread.Sleep(Timeout.Infinite);
    }
}

/// <summary>Writes where programs read.</summary>
[Metric("talks")]
public sealed class Talking : Killer
{
    public Talking() => Console.WriteLine("a word of the plugin's");
}
