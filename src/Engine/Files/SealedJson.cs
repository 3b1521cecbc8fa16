using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace VoxelZoo.Engine.Files;

/// <summary>
/// JSON files that hold the hash of their own values as <c>sha256</c>, so that a changed one is known. One without it
/// was written before there were such.
/// </summary>
internal static class SealedJson
{
    private const string Key = "sha256";

    // a file without a seal cannot hold keys that came later, such as a seal whose name was damaged
    private static readonly JsonSerializerOptions Unsealed = new(AtomicFile.Json)
    {
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };

    /// <summary>Replaces the file.</summary>
    public static void Write<T>(IFiles files, string path, T value) => AtomicFile.WriteText(files, path, Text(value));

    /// <summary>What <see cref="Write"/> writes.</summary>
    public static string Text<T>(T value)
    {
        var sealing = JsonNode.Parse(JsonSerializer.Serialize(value, AtomicFile.Json))!.AsObject();
        sealing[Key] = Hash(sealing);
        return sealing.ToJsonString(AtomicFile.Json) + "\n";
    }

    /// <summary>The value of a file's text.</summary>
    /// <exception cref="InvalidDataException">It is not what was written.</exception>
    /// <exception cref="JsonException">It is no such file.</exception>
    public static T Read<T>(string text)
        where T : class
    {
        JsonObject node;
        try
        {
            node = JsonNode.Parse(text) as JsonObject ?? throw new InvalidDataException("it holds no JSON object");
            _ = node.Count; // keys that are there twice are found only now
        }
        catch (ArgumentException e)
        {
            throw new InvalidDataException(e.Message.Split('\n')[0]);
        }

        var options = Unsealed;
        if (node.Remove(Key, out var hash))
        {
            if (hash?.GetValueKind() != JsonValueKind.String || hash.GetValue<string>() != Hash(node))
                throw new InvalidDataException("its values do not have the hash that it was written with");
            options = AtomicFile.Json;
        }

        return node.Deserialize<T>(options) ?? throw new InvalidDataException("it is empty");
    }

    private static string Hash(JsonObject values) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(values.ToJsonString())));
}
