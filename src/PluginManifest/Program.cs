using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using VoxelZoo.PluginManifest;

// PluginManifest ASSEMBLY OUTPUT: writes plugin.json for a plugin that was just compiled. Errors are in MSBuild's format.
if (args is not [var assembly, var output])
    return Fail("usage: PluginManifest ASSEMBLY OUTPUT");

try
{
    var plugin = PluginMetadata.Read(assembly);
    if (plugin.Id is null || plugin.Contract is null)
        return Fail($"{assembly} does not say which plugin it is; build it with the targets of VoxelZoo.Abstractions");
    foreach (var id in plugin.Parts.Select(p => p.Id).Where(id => !Regex.IsMatch(id, "^[a-z][a-z0-9_]*$")))
        return Fail($"the part id '{id}' must be lower case, digits and underscores, starting with a letter");
    if (PartMetadata.Twice(plugin.Parts) is { } twice)
        return Fail($"the {twice.Kind} '{twice.Id}' is there twice");
    if (plugin.Unusable is { } why)
        return Fail(why);

    var temporary = output + ".tmp";
    using (var file = File.Create(temporary))
    using (var json = new Utf8JsonWriter(file, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        Write(json, plugin);
    File.Move(temporary, output, overwrite: true);
    return 0;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException or BadImageFormatException)
{
    return Fail(e.Message);
}

static void Write(Utf8JsonWriter json, PluginMetadata plugin)
{
    json.WriteStartObject();
    json.WriteString("id", plugin.Id);
    json.WriteString("version", plugin.Version);
    json.WriteString("contract", plugin.Contract);
    json.WriteStartArray("parts");
    foreach (var part in plugin.Parts)
    {
        json.WriteStartObject();
        json.WriteString("kind", part.Kind);
        json.WriteString("id", part.Id);
        json.WriteString("summary", part.Summary);
        json.WriteEndObject();
    }

    json.WriteEndArray();
    json.WriteString("summary", plugin.Summary);
    json.WriteString("license", plugin.License);
    json.WriteString("authors", plugin.Authors);
    json.WriteEndObject();
}

static int Fail(string sentence)
{
    Console.Error.WriteLine($"PluginManifest : error VZ0001: {sentence}");
    return 1;
}
