using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace VoxelZoo.Engine.Tests;

/// <summary>Files and folders that the user may not read. Nothing is closed to root, so tests look with another user's eyes.</summary>
internal static class ClosedPath
{
    private const int Nobody = 65534;

    /// <summary>Does something while a file or a folder is closed; nothing where rights are of another kind.</summary>
    public static void Look(string path, Action look)
    {
        if (!OperatingSystem.IsLinux())
            return;
        var mode = File.GetUnixFileMode(path);
        File.SetUnixFileMode(path, UnixFileMode.None);
        try
        {
            LookAsUser(look);
        }
        finally
        {
            File.SetUnixFileMode(path, mode);
        }
    }

    /// <summary>Does something on a thread of its own to which, where this one is root's, another user's rights are given.</summary>
    public static void LookAsUser(Action look)
    {
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            var before = SetFileSystemUser(Environment.IsPrivilegedProcess ? Nobody : -1);
            try
            {
                look();
            }
            catch (Exception e)
            {
                failure = e;
            }
            finally
            {
                if (Environment.IsPrivilegedProcess)
                    _ = SetFileSystemUser(before);
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null)
            ExceptionDispatchInfo.Throw(failure);
    }

    // setfsuid(2) is of one thread alone, and gives up root's right to pass over rights
    [DllImport("libc", EntryPoint = "setfsuid")]
    private static extern int SetFileSystemUser(int user);
}
