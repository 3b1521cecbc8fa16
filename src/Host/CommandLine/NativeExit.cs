using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// What becomes of the process where code that is not .NET's ends it, such as a plugin's that calls <c>exit(0)</c> of the C library: .NET
/// says nothing of it, and whoever waits for the process must not take it for success. What is registered last is called first, and ends
/// the process at once.
/// </summary>
internal static unsafe partial class NativeExit
{
    private const int BySignal = 128;

    private static string _sentence = "";

    /// <summary>Lets such an end fail from now on.</summary>
    /// <param name="sentence">What is written to standard error then, ASCII.</param>
    public static void Guard(string sentence)
    {
        if (!OperatingSystem.IsLinux())
            return;
        _sentence = sentence;
        try
        {
            _ = OnExit(&Refuse, null);
            _ = AtQuickExit(&RefuseQuickly, null);
        }
        catch (EntryPointNotFoundException)
        {
            // a C library without them
        }
    }

    /// <summary>Lets any end from now on be with this code: the work is done, or has failed.</summary>
    public static void Settle(int code)
    {
        if (OperatingSystem.IsLinux() && _sentence.Length > 0 && NativeLibrary.TryLoad("libc.so.6", out var library)
            && NativeLibrary.TryGetExport(library, "_exit", out var exit))
            _ = AtExit((delegate* unmanaged[Cdecl]<void*, void>)exit, (void*)code, null);
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void Refuse(int status, void* nothing)
    {
        if (status < BySignal)
            RefuseSuccess();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void RefuseQuickly(void* nothing) => RefuseSuccess();

    // not by the console, whose lock the thread that ends the process may hold
    private static void RefuseSuccess()
    {
        ProcessLimits.Say(_sentence);
        ExitNow((int)ExitCode.Failed);
    }

    [LibraryImport("libc", EntryPoint = "on_exit")]
    private static partial int OnExit(delegate* unmanaged[Cdecl]<int, void*, void> called, void* argument);

    [LibraryImport("libc", EntryPoint = "__cxa_at_quick_exit")]
    private static partial int AtQuickExit(delegate* unmanaged[Cdecl]<void*, void> called, void* library);

    [LibraryImport("libc", EntryPoint = "__cxa_atexit")]
    private static partial int AtExit(delegate* unmanaged[Cdecl]<void*, void> called, void* argument, void* library);

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);
}
