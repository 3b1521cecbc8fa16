using VoxelZoo.Engine.Files;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Zoo;

/// <summary>
/// An animal's folder while it is made: in a hidden folder of the zoo, which nobody lists, until it is put in its place whole. Gone when disposed of before.
/// </summary>
internal sealed class StagedAnimal : IDisposable
{
    private const string Beginning = ".making.", HeldName = "held";

    private readonly string _place, _stage;
    private readonly FileStream _held; // open, so that others see that this process lives

    private StagedAnimal(string place, string stage, FileStream held) => (_place, _stage, _held) = (place, stage, held);

    /// <summary>The folder, which is there and empty; family and name are those of its place.</summary>
    public string Folder => FolderIn(_stage, _place);

    /// <summary>Makes an animal's folder, whole or not at all, and removes what killed processes left of others.</summary>
    /// <param name="place">Its place, <c>ZOO/FAMILY/NAME</c>, where nothing is.</param>
    /// <param name="make">Fills the folder.</param>
    /// <exception cref="UsageException">The zoo is no folder, or another process was faster.</exception>
    /// <exception cref="UnwrittenException">It cannot be written.</exception>
    public static void Put(string place, Action<string> make)
    {
        var zoo = Path.GetDirectoryName(Path.GetDirectoryName(place))!;
        for (var above = Path.GetDirectoryName(place); above is not null; above = Path.GetDirectoryName(above))
        {
            if (File.Exists(above))
                throw new UsageException($"--zoo {Places.Shown(zoo)}: {Places.Shown(above)} is a file and no folder; name a folder");
        }

        try
        {
            using var staged = Make(zoo, place);
            try
            {
                make(staged.Folder);
            }
            catch (UnwrittenException e) when (e.Path.StartsWith(staged.Folder, StringComparison.Ordinal))
            {
                throw new UnwrittenException(place + e.Path[staged.Folder.Length..], e.InnerException!);
            }

            Directory.CreateDirectory(Path.GetDirectoryName(place)!);
            if (Path.Exists(place))
                throw new UsageException($"{Places.Shown(place)} was made by another process meanwhile; what this one made is gone, choose another name for it");
            Directory.Move(staged.Folder, place);
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException) and not (UnwrittenException or FileNotFoundException or { HResult: RegularFile.Refused }))
        {
            throw new UnwrittenException(place, e);
        }
    }

    public void Dispose()
    {
        _held.Dispose();
        Directory.Delete(_stage, recursive: true);
    }

    private static StagedAnimal Make(string zoo, string place)
    {
        Directory.CreateDirectory(zoo);
        foreach (var left in Directory.GetDirectories(zoo, $"{Beginning}*").Where(left => !IsHeld(left)))
            Directory.Delete(left, recursive: true);
        var stage = Path.Combine(zoo, $"{Beginning}{Guid.NewGuid():n}");
        Directory.CreateDirectory(stage);
        var held = new FileStream(Path.Combine(stage, HeldName), FileMode.CreateNew, FileAccess.Write, FileShare.None);
        Directory.CreateDirectory(FolderIn(stage, place));
        return new StagedAnimal(place, stage, held);
    }

    private static string FolderIn(string stage, string place) =>
        Path.Combine(stage, Path.GetFileName(Path.GetDirectoryName(place))!, Path.GetFileName(place));

    private static bool IsHeld(string stage)
    {
        try
        {
            // one that is not there yet is about to be
            using var held = new FileStream(Path.Combine(stage, HeldName), FileMode.Open, FileAccess.Write, FileShare.None);
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }
}
