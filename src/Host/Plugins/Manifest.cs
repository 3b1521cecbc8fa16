using System.Collections.Immutable;
using System.Text.Json;
using NuGet.Versioning;
using VoxelZoo.PluginManifest;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Plugins;

/// <summary>The contents of a <c>plugin.json</c>.</summary>
internal sealed record Manifest(
    string Id, string Version, VersionRange Contract, ImmutableArray<PartMetadata> Parts, string Summary, string License, string Authors)
{
    /// <summary>Where the plugin is told of, or empty.</summary>
    public string Homepage { get; private init; } = "";

    /// <summary>What is new in it, or where that is told, or empty.</summary>
    public string Changelog { get; private init; } = "";

    /// <summary>The test project that the build found, or empty.</summary>
    public string Tests { get; private init; } = "";

    /// <summary>The most bytes of a manifest.</summary>
    public const int LargestFile = 1 << 20;

    /// <summary>Reads and checks a manifest.</summary>
    /// <exception cref="InvalidDataException">It cannot be used; the message says why.</exception>
    public static Manifest Read(string path)
    {
        try
        {
            if (RegularFile.WhyNot(path) is { } why)
                throw new InvalidDataException($"plugin.json cannot be read: {why.TrimEnd('.')}");
            if (new FileInfo(path).Length > LargestFile)
                throw new InvalidDataException($"plugin.json is larger than {LargestFile} bytes");
            using var file = RegularFile.OpenRead(path);
            return Parse(file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidDataException($"plugin.json cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads and checks a manifest that is not a file.</summary>
    /// <exception cref="InvalidDataException">It cannot be used; the message says why.</exception>
    public static Manifest Parse(Stream text)
    {
        try
        {
            using var json = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 64 });
            var root = json.RootElement;
            if (root.ValueKind != JsonValueKind.Object)
                throw new InvalidDataException("plugin.json is not a JSON object");

            var contract = Text(root, "contract");
            return new Manifest(
                Text(root, "id"),
                Text(root, "version"),
                VersionRange.TryParse(contract, out var range)
                    ? range
                    : throw new InvalidDataException($"the contract `{contract}` is no version range such as [1.0,2.0)"),
                PartsOf(root),
                Text(root, "summary", ""),
                Text(root, "license", ""),
                Text(root, "authors", ""))
            {
                Homepage = Text(root, "homepage", ""),
                Changelog = Text(root, "changelog", ""),
                Tests = Text(root, "tests", ""),
            };
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"plugin.json is not valid JSON at line {e.LineNumber + 1}", e);
        }
    }

    private static ImmutableArray<PartMetadata> PartsOf(JsonElement root)
    {
        if (!root.TryGetProperty("parts", out var parts) || parts.ValueKind != JsonValueKind.Array)
            throw new InvalidDataException("plugin.json has no list `parts`");
        ImmutableArray<PartMetadata> all = [.. parts.EnumerateArray().Select(PartOf)];
        return PartMetadata.Twice(all) is { } twice
            ? throw new InvalidDataException($"plugin.json names the {twice.Kind} `{twice.Id}` twice; build the plugin anew")
            : all;
    }

    private static PartMetadata PartOf(JsonElement part)
    {
        var kind = Text(part, "kind");
        return PartMetadata.Kinds.Contains(kind)
            ? new PartMetadata(kind, Text(part, "id"), Text(part, "summary", "")) 
            {
                Options = Raw(part, "options", JsonValueKind.Object),
                Conflicts = Raw(part, "conflicts", JsonValueKind.Array),
            }
            : throw new InvalidDataException(
                $"plugin.json names a part of the unknown kind `{kind}` (kinds: {string.Join(", ", PartMetadata.Kinds)})");
    }

    // read by those who show it: listing plugins does not
    private static string? Raw(JsonElement part, string key, JsonValueKind kind) => !part.TryGetProperty(key, out var value) ? null
        : value.ValueKind == kind ? value.GetRawText()
        : throw new InvalidDataException($"plugin.json: `{key}` of a part is no {(kind == JsonValueKind.Object ? "object" : "list")}");

    private static string Text(JsonElement parent, string key, string? fallback = null)
    {
        if (parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(key, out var value))
            return Text(value) ?? throw new InvalidDataException($"plugin.json: `{key}` is not a text, or not one that can be shown");
        return fallback ?? throw new InvalidDataException($"plugin.json has no `{key}`");
    }

    // half a surrogate pair is valid JSON and no text; control characters would reach the terminal
    private static string? Text(JsonElement value)
    {
        try
        {
            return value.ValueKind == JsonValueKind.String && value.GetString() is { } text && !text.Any(char.IsControl) ? text : null;
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
