using System.Diagnostics.CodeAnalysis;

namespace VoxelZoo.Engine.Distributed;

/// <summary>
/// The processes that do one thing together, as one of them sees it. Each operation takes place when all of them call it, in the same
/// order; so what decides whether one is called must be the same in all. Disposed at a good end, together too.
/// </summary>
public interface ICollective : IDisposable
{
    /// <summary>Number of this process, from 0. Process 0 writes the files.</summary>
    int Rank { get; }

    /// <summary>How many there are.</summary>
    int Size { get; }

    /// <summary>Replaces each number by its sum over the processes; the same bits in all of them.</summary>
    void Sum(Span<float> values);

    /// <inheritdoc cref="Sum(Span{float})"/>
    void Sum(Span<double> values);

    /// <summary>What each process gives, by rank; lengths may differ.</summary>
    IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine);

    /// <summary>Waits until all processes have come here, without keeping a processor busy.</summary>
    void Wait();

    /// <summary>Ends all processes at once, because this one cannot go on and the others would wait for it for ever.</summary>
    /// <param name="exitCode">The exit code of them all.</param>
    [DoesNotReturn]
    void Abort(int exitCode);
}
