using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Diffusion.Latents;

/// <summary>Keeps two processes from filling one folder of latents at once, each with its own.</summary>
internal static class LatentLock
{
    private const int WordAfter = 20;

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>
    /// Waits until no other process fills the folder, and holds it until the lock is disposed or this process ends,
    /// however it ends. Makes the folder.
    /// </summary>
    /// <param name="folder">The folder.</param>
    /// <param name="name">Name of the file that is held.</param>
    /// <param name="warn">Called with a sentence where that takes long.</param>
    /// <param name="stop">Ends the wait.</param>
    /// <returns>The lock; null where nothing can be written there, by this process neither.</returns>
    public static IDisposable? Wait(string folder, string name, Action<string> warn, CancellationToken stop)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                Directory.CreateDirectory(folder);
                return new FileStream(Path.Combine(folder, name), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (HeldFile.IsByAnother(e))
            {
                if (attempt == WordAfter)
                    warn($"another process computes the latents in {folder}; waiting for it");
                stop.WaitHandle.WaitOne(Pause);
                stop.ThrowIfCancellationRequested();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                return null; // latents that are there can be used all the same, and others are refused where they are written
            }
        }
    }
}
