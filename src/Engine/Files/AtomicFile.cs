using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Files;

/// <summary>Files that are either as they were or wholly new: written beside the target, flushed to the disk, renamed.</summary>
public static class AtomicFile
{
    private const string Ending = ".tmp";

    /// <summary>Options of every JSON file of a run: snake_case keys, indented, non-finite numbers as "NaN" and "Infinity".</summary>
    public static JsonSerializerOptions Json { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        RespectNullableAnnotations = true, // a null where none belongs is damage, and said to be
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>Replaces the file by what <paramref name="write"/> writes.</summary>
    /// <exception cref="UnwrittenException">It cannot be written.</exception>
    public static void Write(string path, Action<Stream> write) => Write(DiskFiles.Instance, path, write);

    /// <summary>Replaces the file by the text, in UTF-8.</summary>
    public static void WriteText(string path, string text) => WriteText(DiskFiles.Instance, path, text);

    /// <summary>Replaces the file by the value as JSON.</summary>
    public static void WriteJson<T>(string path, T value) => WriteJson(DiskFiles.Instance, path, value);

    /// <summary>Whether a file is one that was being written when its process ended: its target is as it was.</summary>
    /// <param name="name">The file's name, with or without its folder.</param>
    public static bool IsHalf(string name) => name.EndsWith(Ending, StringComparison.Ordinal);

    internal static void WriteText(IFiles files, string path, string text) =>
        Write(files, path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    internal static void WriteJson<T>(IFiles files, string path, T value) =>
        WriteText(files, path, JsonSerializer.Serialize(value, Json) + "\n");

    /// <summary>Writes a file that nobody reads yet, and waits until all of it is on the disk.</summary>
    /// <param name="files">Where.</param>
    /// <param name="path">The file.</param>
    /// <param name="write">Writes it.</param>
    /// <param name="hash">Is given what is written.</param>
    /// <returns>Its size in bytes.</returns>
    /// <exception cref="IOException">Also where less arrived than was written, as on a full disk.</exception>
    internal static long WriteNew(IFiles files, string path, Action<Stream> write, IncrementalHash? hash = null)
    {
        long bytes;
        using (var stream = files.Create(path))
        {
            using var measured = new MeasuredStream(stream, hash);
            write(measured);
            files.Flush(stream);
            bytes = measured.Length;
        }

        var arrived = files.Length(path);
        return arrived == bytes ? bytes : throw new IOException($"of its {bytes} bytes {arrived} arrived");
    }

    private static void Write(IFiles files, string path, Action<Stream> write)
    {
        path = RegularFile.Replaceable(path);
        var temporary = $"{path}.{Environment.ProcessId}{Ending}";
        Unwritten.Named(path, () =>
        {
            try
            {
                WriteNew(files, temporary, write);
                files.Replace(temporary, path);
            }
            catch
            {
                files.Delete(temporary);
                throw;
            }

            files.FlushFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        });
    }
}
