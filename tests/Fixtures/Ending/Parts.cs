using System.Runtime.InteropServices;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Fixtures.Ending;

public sealed record NoOptions;

/// <summary>Ends the process on another thread, while the one that asked waits.</summary>
[Metric("ends_on_a_thread")]
public sealed class ThreadMetric : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context)
    {
        new Thread(() => Environment.Exit(0)).Start();
        Thread.Sleep(Timeout.Infinite);
        throw new NotSupportedException();
    }
}

/// <summary>Ends the process with a code that means something: a chain of jobs takes 3 for a run that is to go on.</summary>
[Metric("ends_with_3")]
public sealed class CodeMetric : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context)
    {
        Environment.Exit(3);
        throw new NotSupportedException();
    }
}

[Metric("ends_in_constructor")]
public sealed class ConstructorMetric : IMetric<NoOptions>
{
    public ConstructorMetric() => Environment.Exit(0);

    public Metric Create(NoOptions options, PartContext context) => throw new NotSupportedException();
}

/// <summary>Ends the process by the C library, of which .NET is not told.</summary>
[Metric("ends_natively")]
public sealed partial class NativeMetric : IMetric<NoOptions>
{
    public NativeMetric() => Exit(0);

    public Metric Create(NoOptions options, PartContext context) => throw new NotSupportedException();

    [LibraryImport("libc", EntryPoint = "exit")]
    private static partial void Exit(int code);
}

[Metric("ends_quickly")]
public sealed partial class QuickMetric : IMetric<NoOptions>
{
    public Metric Create(NoOptions options, PartContext context)
    {
        Exit(0);
        throw new NotSupportedException();
    }

    [LibraryImport("libc", EntryPoint = "quick_exit")]
    private static partial void Exit(int code);
}
