using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace VoxelZoo.Engine.Files;

/// <summary>Files that are either as they were or wholly new: written beside the target, flushed to the disk, renamed.</summary>
public static class AtomicFile
{
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
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }

        DurableDirectory.Flush(Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Replaces the file by the text, in UTF-8.</summary>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    /// <summary>Replaces the file by the value as JSON.</summary>
    public static void WriteJson<T>(string path, T value) => WriteText(path, JsonSerializer.Serialize(value, Json) + "\n");
}
