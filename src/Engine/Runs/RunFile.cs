using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs;

/// <summary>Reads files of a run, which may be damaged, or none.</summary>
public static class RunFile
{
    /// <summary>Refuses what stands in the place of a run's file and is none; to open it would wait for ever.</summary>
    /// <exception cref="RunFolderException">It is a pipe, a device, a folder or a circle of links.</exception>
    internal static void Require(string path)
    {
        if (RegularFile.WhyNot(path) is { } why)
            throw new RunFolderException($"{path}: {why.TrimEnd('.')}");
        if (Directory.Exists(path))
            throw new RunFolderException($"{path}: this is a folder, and a file belongs there");
    }

    /// <summary>What a JSON file of a run says, or null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="remedy">What to do where it is damaged.</param>
    /// <exception cref="RunFolderException">It is damaged.</exception>
    public static T? ReadJson<T>(string path, string remedy)
        where T : class
    {
        Require(path);
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<T>(RegularFile.ReadText(path), AtomicFile.Json) : null;
        }
        catch (JsonException e)
        {
            throw new RunFolderException($"{path} cannot be read ({JsonFault.Why(e)}); {remedy}");
        }
    }

    /// <summary>What a JSON file of a run says that holds its own hash, or null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="remedy">What to do where it was changed or is damaged.</param>
    /// <exception cref="RunFolderException">It is.</exception>
    internal static T? ReadSealed<T>(string path, string remedy)
        where T : class
    {
        Require(path);
        try
        {
            return File.Exists(path) ? SealedJson.Read<T>(RegularFile.ReadText(path)) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new RunFolderException($"{path} cannot be read ({JsonFault.Why(e)}); {remedy}");
        }
    }

    /// <summary>What a JSON file of a run says that has a version, or null where there is none.</summary>
    /// <param name="path">The file.</param>
    /// <param name="version">The version of its layout that this program reads.</param>
    /// <param name="remedy">What to do where it is damaged, or of another version.</param>
    /// <exception cref="RunFolderException">It is.</exception>
    internal static T? ReadJson<T>(string path, int version, string remedy)
        where T : class, IVersionedFile
    {
        var file = ReadJson<T>(path, remedy);
        return file is null || file.Format == version
            ? file
            : throw new RunFolderException(
                $"the layout of {path} is version {file.Format}, this program reads version {version}; {remedy}");
    }
}

/// <summary>A file that says which version its layout is.</summary>
internal interface IVersionedFile
{
    /// <summary>Version of the file's layout.</summary>
    int Format { get; }
}
