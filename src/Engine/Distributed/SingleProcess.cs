using System.Diagnostics.CodeAnalysis;

namespace VoxelZoo.Engine.Distributed;

/// <summary>A process by itself: nothing to wait for and nothing to add.</summary>
public sealed class SingleProcess : ICollective
{
    private SingleProcess()
    {
    }

    /// <summary>The one there is.</summary>
    public static SingleProcess Instance { get; } = new();

    /// <inheritdoc/>
    public int Rank => 0;

    /// <inheritdoc/>
    public int Size => 1;

    /// <inheritdoc/>
    public void Sum(Span<float> values)
    {
    }

    /// <inheritdoc/>
    public void Sum(Span<double> values)
    {
    }

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine) => [mine.ToArray()];

    /// <inheritdoc/>
    public void Wait()
    {
    }

    /// <inheritdoc/>
    [DoesNotReturn]
    public void Abort(int exitCode) => Environment.Exit(exitCode);

    /// <inheritdoc/>
    public void Dispose()
    {
    }
}
