using System.Diagnostics.CodeAnalysis;
using VoxelZoo.Engine.Distributed;

namespace VoxelZoo.Engine.Tests.Distributed;

/// <summary>One of several processes, whose sums are what the test says that they come to.</summary>
internal sealed class PretendedCollective(int rank, int size, Func<double, double>? sum = null) : ICollective
{
    public int Rank => rank;

    public int Size => size;

    /// <summary>Lengths of the float32 messages.</summary>
    public List<int> Messages { get; } = [];

    public void Sum(Span<float> values)
    {
        Messages.Add(values.Length);
        foreach (ref var value in values)
            value = (float)sum!(value);
    }

    public void Sum(Span<double> values)
    {
        foreach (ref var value in values)
            value = sum!(value);
    }

    public IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine) => throw new NotSupportedException();

    public void Wait()
    {
    }

    [DoesNotReturn]
    public void Abort(int exitCode) => throw new NotSupportedException();

    public void Dispose()
    {
    }
}
