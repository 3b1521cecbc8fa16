using System.Text.Encodings.Web;
using System.Text.Json;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Safetensors;

/// <summary>A file that is about to be written: its header and its tensors in the order of their data.</summary>
internal sealed record SafetensorsPlan(byte[] Header, IReadOnlyList<(Tensor Tensor, long Bytes)> Data)
{
    // names may hold any character; the header is no HTML
    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    internal static SafetensorsPlan Of(IEnumerable<KeyValuePair<string, Tensor>> tensors, IReadOnlyDictionary<string, string>? metadata)
    {
        var sorted = Sorted(tensors);
        var data = new List<(Tensor, long)>(sorted.Count);
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, Json))
        {
            writer.WriteStartObject();
            WriteMetadata(writer, metadata);
            long offset = 0;
            foreach (var (name, tensor) in sorted)
            {
                var bytes = SafetensorsDtype.ByteCount(name, SafetensorsDtype.Of(name, tensor.dtype).Name, tensor.shape);
                WriteEntry(writer, name, tensor, offset, offset + bytes);
                data.Add((tensor, bytes));
                offset += bytes;
            }

            writer.WriteEndObject();
        }

        while (buffer.Length % 8 != 0) // tensors begin on eight bytes, like the length before the header
            buffer.WriteByte((byte)' ');
        if (buffer.Length > SafetensorsHeader.MaxLength)
            throw new ArgumentException(
                $"{sorted.Count} tensors need a header of {buffer.Length} bytes, more than the format allows", nameof(tensors));
        return new SafetensorsPlan(buffer.ToArray(), data);
    }

    /// <summary>Largest elements first, so that every tensor is aligned to its own elements (readers map the file); then by name.</summary>
    private static List<(string Name, Tensor Tensor)> Sorted(IEnumerable<KeyValuePair<string, Tensor>> tensors)
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        var list = new List<(string Name, Tensor Tensor, int Size)>();
        foreach (var (name, tensor) in tensors)
        {
            if (name == SafetensorsHeader.MetadataKey || !names.Add(name))
                throw new ArgumentException($"the tensor name '{name}' is reserved or occurs twice", nameof(tensors));
            if (tensor.device_type == TorchSharp.DeviceType.META)
                throw new ArgumentException($"tensor '{name}' is on the meta device and has no data to write", nameof(tensors));
            list.Add((name, tensor, SafetensorsDtype.Of(name, tensor.dtype).Size));
        }

        return [.. list.OrderByDescending(t => t.Size).ThenBy(t => t.Name, StringComparer.Ordinal).Select(t => (t.Name, t.Tensor))];
    }

    private static void WriteMetadata(Utf8JsonWriter writer, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null || metadata.Count == 0)
            return;
        writer.WriteStartObject(SafetensorsHeader.MetadataKey);
        foreach (var (key, value) in metadata.OrderBy(m => m.Key, StringComparer.Ordinal))
            writer.WriteString(key, value);
        writer.WriteEndObject();
    }

    private static void WriteEntry(Utf8JsonWriter writer, string name, Tensor tensor, long begin, long end)
    {
        writer.WriteStartObject(name);
        writer.WriteString("dtype", SafetensorsDtype.Of(name, tensor.dtype).Name);
        writer.WriteStartArray("shape");
        foreach (var length in tensor.shape)
            writer.WriteNumberValue(length);
        writer.WriteEndArray();
        writer.WriteStartArray("data_offsets");
        writer.WriteNumberValue(begin);
        writer.WriteNumberValue(end);
        writer.WriteEndArray();
        writer.WriteEndObject();
    }
}
