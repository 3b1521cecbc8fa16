using System.Text;
using System.Text.Json;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Safetensors;

/// <summary>Where one tensor lies in the file's data section; <c>Type</c> is null where TorchSharp has no such dtype.</summary>
internal sealed record SafetensorsEntry(string Name, string Dtype, ScalarType? Type, long[] Shape, long Begin, long End);

/// <summary>The JSON header of a safetensors file. The parser accepts what the format's specification allows, and nothing else.</summary>
internal sealed class SafetensorsHeader
{
    /// <summary>The format's own limit on the header's length in bytes.</summary>
    internal const long MaxLength = 100_000_000;

    internal const string MetadataKey = "__metadata__";
    private const int MaxDimensions = 64;

    private SafetensorsHeader(List<SafetensorsEntry> entries, SortedDictionary<string, string> metadata)
    {
        Entries = entries;
        Metadata = metadata;
    }

    /// <summary>The entries in the order of their data, which they cover without hole or overlap.</summary>
    internal List<SafetensorsEntry> Entries { get; }

    internal SortedDictionary<string, string> Metadata { get; }

    /// <param name="json">The header's bytes, padding included.</param>
    /// <param name="dataLength">Length of what follows the header.</param>
    /// <exception cref="InvalidDataException">The header breaks a rule; the message says which, without the file's name.</exception>
    internal static SafetensorsHeader Parse(ReadOnlySpan<byte> json, long dataLength)
    {
        if (json.IsEmpty || json[0] != '{')
            throw new InvalidDataException("the header does not begin with '{'");

        try
        {
            var reader = new Utf8JsonReader(json);
            var header = Read(ref reader);
            header.CheckCoverage(dataLength);
            return header;
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"the header is not valid JSON at byte {8 + e.BytePositionInLine}", e);
        }
        catch (InvalidOperationException e)
            when (e.InnerException is DecoderFallbackException || e.Message.Contains("UTF", StringComparison.Ordinal))
        {
            throw new InvalidDataException("the header holds a string that is not valid Unicode", e);
        }
    }

    private static SafetensorsHeader Read(ref Utf8JsonReader reader)
    {
        var entries = new List<SafetensorsEntry>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        var metadata = new SortedDictionary<string, string>(StringComparer.Ordinal);
        reader.Read();
        while (NextName(ref reader) is { } name)
        {
            if (!names.Add(name))
                throw new InvalidDataException($"the name '{name}' occurs twice");
            if (name == MetadataKey)
                ReadMetadata(ref reader, metadata);
            else
                entries.Add(ReadEntry(ref reader, name));
        }

        if (reader.Read()) // throws on anything but white space
            throw new InvalidDataException("something follows the header's object");
        return new SafetensorsHeader(entries, metadata);
    }

    private static void ReadMetadata(ref Utf8JsonReader reader, SortedDictionary<string, string> metadata)
    {
        Expect(ref reader, JsonTokenType.StartObject, MetadataKey);
        while (NextName(ref reader) is { } key)
        {
            Expect(ref reader, JsonTokenType.String, $"{MetadataKey}.{key}");
            if (!metadata.TryAdd(key, reader.GetString()!))
                throw new InvalidDataException($"{MetadataKey} has the key '{key}' twice");
        }
    }

    private static SafetensorsEntry ReadEntry(ref Utf8JsonReader reader, string name)
    {
        string? dtype = null;
        ScalarType? type = null;
        long[]? shape = null, offsets = null;
        Expect(ref reader, JsonTokenType.StartObject, name);
        while (NextName(ref reader) is { } key)
        {
            var first = key switch { "dtype" => dtype is null, "shape" => shape is null, "data_offsets" => offsets is null, _ => false };
            if (!first)
                throw new InvalidDataException($"tensor '{name}' has an unknown or repeated key '{key}'");
            switch (key)
            {
                case "dtype":
                    Expect(ref reader, JsonTokenType.String, $"{name}.dtype");
                    dtype = reader.GetString()!;
                    type = SafetensorsDtype.Parse(name, dtype);
                    break;
                case "shape":
                    shape = ReadIntegers(ref reader, $"{name}.shape");
                    break;
                default:
                    offsets = ReadIntegers(ref reader, $"{name}.data_offsets");
                    break;
            }
        }

        if (dtype is null || shape is null || offsets is not [var begin, var end])
            throw new InvalidDataException($"tensor '{name}' needs a dtype, a shape and two data_offsets");
        var bytes = SafetensorsDtype.ByteCount(name, dtype, shape);
        if (begin > end || end - begin != bytes)
            throw new InvalidDataException(
                $"tensor '{name}' has data_offsets [{begin}, {end}], but its shape [{string.Join(", ", shape)}] takes {bytes} bytes");
        return new SafetensorsEntry(name, dtype, type, shape, begin, end);
    }

    private void CheckCoverage(long dataLength)
    {
        Entries.Sort((a, b) => (a.Begin, a.End).CompareTo((b.Begin, b.End)));
        long covered = 0;
        foreach (var entry in Entries)
        {
            if (entry.Begin != covered)
                throw new InvalidDataException(
                    $"tensor '{entry.Name}' begins at {entry.Begin} where {covered} was expected: the data has a hole or an overlap");
            covered = entry.End;
        }

        if (covered != dataLength)
            throw new InvalidDataException($"the header describes {covered} bytes of data, but {dataLength} follow it");
    }

    /// <summary>The next property's name, or null at the object's end.</summary>
    private static string? NextName(ref Utf8JsonReader reader) =>
        reader.Read() && reader.TokenType == JsonTokenType.PropertyName ? reader.GetString() : null;

    private static void Expect(ref Utf8JsonReader reader, JsonTokenType type, string where)
    {
        if (!reader.Read() || reader.TokenType != type)
            throw new InvalidDataException($"{where} is {reader.TokenType} where {type} was expected");
    }

    private static long[] ReadIntegers(ref Utf8JsonReader reader, string where)
    {
        Expect(ref reader, JsonTokenType.StartArray, where);
        var values = new List<long>();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out var value) || value < 0)
                throw new InvalidDataException($"{where} holds something that is not a whole number from 0 to 2^63-1");
            if (values.Count == MaxDimensions)
                throw new InvalidDataException($"{where} has more than {MaxDimensions} numbers");
            values.Add(value);
        }

        return [.. values];
    }
}
