using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;

namespace VoxelZoo.Engine.Distributed.Mpi;

/// <summary>The processes that <c>mpirun</c> or <c>srun</c> started, over Open MPI. Used by one thread at a time.</summary>
public sealed unsafe class MpiCollective : ICollective
{
    private const int ErrorText = 256; // MPI_MAX_ERROR_STRING of Open MPI

    private readonly nint _world, _float, _double, _int, _byte, _sum;

    private MpiCollective(nint library)
    {
        nint Handle(string name) => NativeLibrary.GetExport(library, name);
        (_world, _sum) = (Handle("ompi_mpi_comm_world"), Handle("ompi_mpi_op_sum"));
        (_float, _double, _int, _byte) =
            (Handle("ompi_mpi_float"), Handle("ompi_mpi_double"), Handle("ompi_mpi_int"), Handle("ompi_mpi_byte"));
        Check(OpenMpi.MPI_Init_thread(null, null, OpenMpi.ThreadSerialized, out var provided), "starting");
        if (provided < OpenMpi.ThreadSerialized)
            throw new MpiException(
                $"this Open MPI was built without threads (level {provided}, needed is {OpenMpi.ThreadSerialized}); "
                + "use one with --enable-mpi-threads");
        // by default an error ends the process without a word of ours
        Check(OpenMpi.MPI_Comm_set_errhandler(_world, Handle("ompi_mpi_errors_return")), "choosing how errors are reported");
        Check(OpenMpi.MPI_Comm_rank(_world, out var rank), "asking for the rank");
        Check(OpenMpi.MPI_Comm_size(_world, out var size), "asking for the number of processes");
        (Rank, Size) = (rank, size);
    }

    /// <summary>The library that is loaded.</summary>
    public static string Library => OpenMpi.Library;

    /// <summary>Whether it can be loaded.</summary>
    public static bool IsInstalled => OpenMpi.Load() != 0;

    /// <inheritdoc/>
    public int Rank { get; }

    /// <inheritdoc/>
    public int Size { get; }

    /// <summary>Joins the others; once in a process.</summary>
    /// <exception cref="DllNotFoundException">Open MPI is not installed.</exception>
    /// <exception cref="MpiException">It does not start.</exception>
    public static MpiCollective Join() => OpenMpi.Load() is var library && library != 0
        ? new MpiCollective(library)
        : throw new DllNotFoundException(
            $"{OpenMpi.Library} cannot be loaded, without which several processes cannot train together; "
            + "install Open MPI (Debian: openmpi-bin), or start one process");

    /// <inheritdoc/>
    public void Sum(Span<float> values)
    {
        fixed (float* start = values)
            Sum(start, values.Length, _float);
    }

    /// <inheritdoc/>
    public void Sum(Span<double> values)
    {
        fixed (double* start = values)
            Sum(start, values.Length, _double);
    }

    /// <inheritdoc/>
    public IReadOnlyList<byte[]> Gather(ReadOnlySpan<byte> mine)
    {
        var (length, lengths, places) = (mine.Length, new int[Size], new int[Size]);
        fixed (int* all = lengths)
            Check(OpenMpi.MPI_Allgather(&length, 1, _int, all, 1, _int, _world), "gathering lengths");
        for (var rank = 1; rank < Size; rank++)
            places[rank] = checked(places[rank - 1] + lengths[rank - 1]);
        // one byte more, because an empty array has no address
        var bytes = new byte[checked(places[^1] + lengths[^1] + 1)];
        fixed (byte* send = mine, receive = bytes)
        fixed (int* counts = lengths, starts = places)
            Check(OpenMpi.MPI_Allgatherv(send, length, _byte, receive, counts, starts, _byte, _world), "gathering");
        return [.. lengths.Select((count, rank) => bytes.AsSpan(places[rank], count).ToArray())];
    }

    /// <inheritdoc/>
    public void Wait()
    {
        // MPI_Barrier would keep a processor busy, and the first process may be away for hours
        Check(OpenMpi.MPI_Ibarrier(_world, out var request), "waiting");
        while (true)
        {
            Check(OpenMpi.MPI_Test(ref request, out var done, 0), "waiting");
            if (done != 0)
                return;
            Thread.Sleep(1);
        }
    }

    /// <inheritdoc/>
    [DoesNotReturn]
    public void Abort(int exitCode)
    {
        _ = OpenMpi.MPI_Abort(_world, exitCode); // there is nobody left to tell that it failed
        Environment.Exit(exitCode);
    }

    /// <summary>Waits for the others and leaves. Not after an error: the others would not come.</summary>
    public void Dispose() => Check(OpenMpi.MPI_Finalize(), "ending");

    private void Sum(void* values, int count, nint type)
    {
        if (count > 0)
            Check(OpenMpi.MPI_Allreduce(OpenMpi.InPlace, values, count, type, _sum, _world), "adding up");
    }

    private static void Check(int error, string what)
    {
        if (error == OpenMpi.Success)
            return;
        Span<byte> text = stackalloc byte[ErrorText];
        fixed (byte* start = text)
            _ = OpenMpi.MPI_Error_string(error, start, out _); // leaves the text empty where it knows none
        var end = text.IndexOf((byte)0);
        throw new MpiException($"Open MPI failed at {what}: {Encoding.UTF8.GetString(end < 0 ? text : text[..end])} (error {error})");
    }
}

/// <summary>Open MPI reported an error; the message is one sentence.</summary>
/// <param name="message">The sentence.</param>
public sealed class MpiException(string message) : Exception(message);
