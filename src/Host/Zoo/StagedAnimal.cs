using VoxelZoo.Engine.Files;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Zoo;

/// <summary>
/// An animal's folder while it is made: in a hidden folder of the zoo, which nobody lists, until it is put in its place whole.
/// Gone when disposed of before.
/// </summary>
internal sealed class StagedAnimal : IDisposable
{
    private const string Beginning = ".making.";

    private readonly string _place;
    private readonly HeldFolder _stage;

    private StagedAnimal(string place, HeldFolder stage) => (_place, _stage) = (place, stage);

    /// <summary>The folder, which is there and empty; family and name are those of its place.</summary>
    public string Folder => FolderIn(_stage.Path, _place);

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
                throw new UsageException(
                    $"{Places.Shown(place)} was made by another process meanwhile; what this one made is gone, choose another name for it");
            Directory.Move(staged.Folder, place);
        }
        catch (Exception e) when (e is (IOException or UnauthorizedAccessException)
            and not (UnwrittenException or FileNotFoundException or { HResult: RegularFile.Refused }))
        {
            throw new UnwrittenException(place, e);
        }
    }

    public void Dispose() => _stage.Dispose();

    private static StagedAnimal Make(string zoo, string place)
    {
        Directory.CreateDirectory(zoo);
        foreach (var left in Directory.GetDirectories(zoo, $"{Beginning}*").Where(HeldFolder.IsLeft))
            Directory.Delete(left, recursive: true);
        var stage = HeldFolder.Make(Path.Combine(zoo, $"{Beginning}{Guid.NewGuid():n}"));
        Directory.CreateDirectory(FolderIn(stage.Path, place));
        return new StagedAnimal(place, stage);
    }

    private static string FolderIn(string stage, string place) =>
        Path.Combine(stage, Path.GetFileName(Path.GetDirectoryName(place))!, Path.GetFileName(place));
}
