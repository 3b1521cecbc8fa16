using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs;

/// <summary>Keeps processes from doing to a run what another one does.</summary>
public static class RunLock
{
    /// <summary>Keeps other processes from training the run until the lock is disposed or this process ends, however it ends.</summary>
    /// <exception cref="RunFolderException">Another process trains it, or a file of it is none.</exception>
    public static IDisposable Lock(this RunFolder run)
    {
        var held = run.Hold(FileOf(run), "trained");
        try
        {
            CheckFiles(run); // of a run that changes under the eyes, names come and go
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Holds a file of the run, whose folder is made, for as long as this process lives and the lock is not disposed.</summary>
    /// <param name="run">The run.</param>
    /// <param name="file">The file.</param>
    /// <param name="doing">What is done to the run meanwhile, such as <c>trained</c>.</param>
    /// <exception cref="RunFolderException">Another process holds it, or it cannot be written.</exception>
    internal static IDisposable Hold(this RunFolder run, string file, string doing)
    {
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (HeldFile.IsByAnother(e))
        {
            throw new RunFolderException($"{run.Path} is being {doing} by another process ({e.Message}); wait for that one, or stop it");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RunFolderException(
                $"{run.Path} cannot be {doing}, because {file} cannot be written ({Unwritten.Why(e)}); "
                + "make room there or the folder writable, or copy the run to one that is");
        }
    }

    /// <summary>Whether a process holds <see cref="Lock"/>; on a file system that does not share locks, one of this machine.</summary>
    public static bool IsLocked(this RunFolder run)
    {
        if (RegularFile.WhyNot(FileOf(run)) is not null)
            return false; // no process holds what is no file
        try
        {
            using var shared = new FileStream(FileOf(run), FileMode.Open, FileAccess.Read, FileShare.Read);
            return false;
        }
        catch (FileNotFoundException)
        {
            return false;
        }
        catch (IOException e)
        {
            return HeldFile.IsByAnother(e);
        }
        catch (UnauthorizedAccessException)
        {
            return false; // it cannot be read, so that nothing is known
        }
    }

    /// <summary>Refuses a run that <see cref="Lock"/> would refuse; holds and makes nothing.</summary>
    /// <exception cref="RunFolderException">Another process trains it, it cannot be written, or a file of it is none.</exception>
    public static void CheckLock(this RunFolder run)
    {
        if (run.IsLocked())
            throw new RunFolderException($"{run.Path} is being trained by another process; wait for that one, or stop it");
        CheckFiles(run);
        run.RequireWritable("trained");
    }

    /// <summary>
    /// Refuses a run in which a pipe, a device or a circle of links stands where training reads or goes on writing a file.
    /// </summary>
    /// <exception cref="RunFolderException">One does.</exception>
    private static void CheckFiles(RunFolder run)
    {
        var all = new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = 0 };
        var deep = new EnumerationOptions
        {
            IgnoreInaccessible = true,
            AttributesToSkip = 0,
            RecurseSubdirectories = true,
            MaxRecursionDepth = 3,
        };
        var within = new[] { run.Events, run.Checkpoints, run.Frozen }.Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", deep));
        foreach (var file in Directory.EnumerateFiles(run.Path, "*", all).Where(RunFolder.IsOwn).Concat(within))
            RunFile.Require(file);
    }

    private static string FileOf(RunFolder run) => Path.Combine(run.Path, RunFolder.LockName);
}
