using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.PluginManifest;

// PluginManifest ASSEMBLY OUTPUT REFERENCES DOCUMENTATION: writes plugin.json for a plugin that was just compiled. REFERENCES is a file
// with a path in each line, DOCUMENTATION the compiler's XML file, or empty. Errors are in MSBuild's format.
if (args is not [var assembly, var output, var references, var documentation])
    return Fail("usage: PluginManifest ASSEMBLY OUTPUT REFERENCES DOCUMENTATION");

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

    var details = PartDetails.Load(assembly, File.ReadAllLines(references), documentation.Length == 0 ? null : documentation);
    var temporary = output + ".tmp";
    using (var file = File.Create(temporary))
    using (var json = new Utf8JsonWriter(
        file, new JsonWriterOptions { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
        Manifest(plugin, details).WriteTo(json);
    File.Move(temporary, output, overwrite: true);
    return 0;
}
catch (Exception e) when (e is IOException or UnauthorizedAccessException
    or BadImageFormatException or InvalidOperationException or MissingMethodException)
{
    return Fail(e.Message);
}

static JsonObject Manifest(PluginMetadata plugin, PartDetails details)
{
    var json = new JsonObject
    {
        ["id"] = plugin.Id,
        ["version"] = plugin.Version,
        ["contract"] = plugin.Contract,
        ["parts"] = new JsonArray([.. plugin.Parts.Select(part => Part(part, details))]),
        ["summary"] = plugin.Summary,
        ["license"] = plugin.License,
        ["authors"] = plugin.Authors,
    };
    if (plugin.Homepage.Length > 0)
        json["homepage"] = plugin.Homepage;
    if (plugin.Changelog.Length > 0)
        json["changelog"] = Regex.Replace(plugin.Changelog, @"\s+", " ").Trim();
    if (plugin.Tests.Length > 0)
        json["tests"] = plugin.Tests;
    return json;
}

static JsonObject Part(PartMetadata part, PartDetails details)
{
    var json = new JsonObject { ["kind"] = part.Kind, ["id"] = part.Id, ["summary"] = part.Summary };
    details.AddTo(json, part);
    return json;
}

static int Fail(string sentence)
{
    Console.Error.WriteLine($"PluginManifest : error VZ0001: {sentence}");
    return 1;
}
