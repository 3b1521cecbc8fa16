using System.Runtime.InteropServices;

namespace VoxelZoo.Engine.Distributed.Mpi;

/// <summary>
/// The part of Open MPI's C interface that is used. Its handles are addresses, those of the predefined ones exported symbols.
/// </summary>
internal static unsafe partial class OpenMpi
{
    /// <summary>The library of Open MPI 2 to 5, which share this binary interface.</summary>
    internal const string Library = "libmpi.so.40";

    internal const int Success = 0;

    /// <summary>Any thread may call, one at a time.</summary>
    internal const int ThreadSerialized = 2;

    private const int Now = 2, Global = 0x100; // RTLD_NOW, RTLD_GLOBAL

    /// <summary>Instead of a buffer to send: what is received is also what is sent.</summary>
    internal static readonly void* InPlace = (void*)1;

    /// <summary>Loads the library so that the components which it loads later find its symbols; 0 where it is not there.</summary>
    internal static nint Load() => dlopen(Library, Now | Global);

    [LibraryImport("libc", StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint dlopen(string file, int flags);

    [LibraryImport(Library)]
    internal static partial int MPI_Init_thread(int* argc, byte*** argv, int required, out int provided);

    [LibraryImport(Library)]
    internal static partial int MPI_Comm_set_errhandler(nint communicator, nint handler);

    [LibraryImport(Library)]
    internal static partial int MPI_Comm_rank(nint communicator, out int rank);

    [LibraryImport(Library)]
    internal static partial int MPI_Comm_size(nint communicator, out int size);

    [LibraryImport(Library)]
    internal static partial int MPI_Allreduce(void* send, void* receive, int count, nint type, nint operation, nint communicator);

    [LibraryImport(Library)]
    internal static partial int MPI_Allgather(
        void* send, int sendCount, nint sendType, void* receive, int receiveCount, nint receiveType, nint communicator);

    [LibraryImport(Library)]
    internal static partial int MPI_Allgatherv(
        void* send, int sendCount, nint sendType, void* receive, int* receiveCounts, int* places, nint receiveType, nint communicator);

    [LibraryImport(Library)]
    internal static partial int MPI_Ibarrier(nint communicator, out nint request);

    [LibraryImport(Library)]
    internal static partial int MPI_Test(ref nint request, out int done, nint status);

    [LibraryImport(Library)]
    internal static partial int MPI_Error_string(int error, byte* text, out int length);

    [LibraryImport(Library)]
    internal static partial int MPI_Finalize();

    [LibraryImport(Library)]
    internal static partial int MPI_Abort(nint communicator, int exitCode);
}
