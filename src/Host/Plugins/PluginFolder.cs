using System.Reflection;
using System.Text.Json;
using NuGet.Versioning;
using VoxelZoo.PluginManifest;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Plugins;

/// <summary>Judges one plugin folder from its files: nothing is loaded and no code of the plugin runs.</summary>
internal static class PluginFolder
{
    /// <summary>Assemblies that every plugin gets from the host: those of VoxelZoo.Shared.props.</summary>
    public static IReadOnlyList<string> SharedAssemblies { get; } =
        typeof(PluginFolder).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(fact => fact.Key == nameof(SharedAssemblies)).Value!.Split(';');

    /// <summary>The catalogue's entry for a folder.</summary>
    public static Plugin Read(string folder, NuGetVersion contract)
    {
        var plugin = new Plugin { Id = Path.GetFileName(folder), Path = folder };
        try
        {
            var file = Path.Combine(folder, "plugin.json");
            if (!File.Exists(file))
                return Broken(plugin, "there is no plugin.json; build the plugin with the targets of VoxelZoo.Abstractions");

            var manifest = Manifest.Read(file);
            plugin = plugin with
            {
                Id = manifest.Id,
                Version = manifest.Version,
                Contract = manifest.Contract.OriginalString ?? manifest.Contract.ToString(),
                Parts = manifest.Parts,
                Summary = manifest.Summary,
                License = manifest.License,
                Authors = manifest.Authors,
                Assembly = AssemblyOf(folder),
            };
            return Judge(plugin, manifest, contract);
        }
        catch (Exception e) // whatever a damaged file makes its reader throw: it must not stop what does not need this plugin
        {
            return Broken(plugin, e.Message);
        }
    }

    private static Plugin Judge(Plugin plugin, Manifest manifest, NuGetVersion contract)
    {
        if (!manifest.Contract.Satisfies(contract))
            return plugin with { Status = PluginStatus.Incompatible, Reason = Mismatch(plugin.Contract, contract) };
        if (SharedAssemblies.FirstOrDefault(name => File.Exists(Path.Combine(plugin.Path, name + ".dll"))) is { } copy)
            return Broken(plugin, $"the folder holds a copy of {copy}.dll, which the host shares; delete it, or rebuild with the targets of VoxelZoo.Abstractions");
        if (plugin.Assembly is null)
            return Broken(plugin, $"there is no {Path.GetFileName(plugin.Path)}.dll");

        var assembly = MetadataOf(plugin.Assembly);
        if (assembly.Contract is null || !VersionRange.TryParse(assembly.Contract, out var built))
            return Broken(plugin, $"{Path.GetFileName(plugin.Assembly)} does not say which contract it was built for; build it with the targets of VoxelZoo.Abstractions");
        if (!built.Satisfies(contract))
            return plugin with { Status = PluginStatus.Incompatible, Reason = $"{Mismatch(assembly.Contract, contract)} (plugin.json claims {plugin.Contract})" };
        if (assembly.Id != plugin.Id)
            return Broken(plugin, $"plugin.json says `{plugin.Id}`, but {Path.GetFileName(plugin.Assembly)} is the plugin `{assembly.Id}`");
        if (plugin.Parts.FirstOrDefault(p => !assembly.Parts.Any(a => a.Kind == p.Kind && a.Id == p.Id)) is { } absent)
            return Broken(plugin, $"plugin.json names the {absent.Kind} `{absent.Id}`, which {Path.GetFileName(plugin.Assembly)} does not hold");
        return MissingDependency(plugin.Assembly) is { } missing
            ? Broken(plugin, $"{missing}, which {Path.GetFileNameWithoutExtension(plugin.Assembly)}.deps.json names, is missing")
            : plugin;
    }

    private static PluginMetadata MetadataOf(string assembly)
    {
        RegularFile.Require(assembly);
        try
        {
            return PluginMetadata.Read(assembly);
        }
        catch (Exception e) // a damaged table has no exception of its own: an overflow, a cast, an index out of range
        {
            throw new InvalidDataException($"{Path.GetFileName(assembly)} is damaged or not a .NET assembly: {e.Message}", e);
        }
    }

    private static Plugin Broken(Plugin plugin, string reason) => plugin with { Status = PluginStatus.Broken, Reason = reason };

    private static string Mismatch(string range, NuGetVersion contract) =>
        $"it was built for contract {range}, this host has {contract.ToNormalizedString()}";

    // NAME/NAME.dll; a build's own output folder has another name, but just one .deps.json
    private static string? AssemblyOf(string folder)
    {
        var names = Directory.EnumerateFiles(folder, "*.deps.json").Select(f => Path.GetFileName(f)[..^".deps.json".Length]).Take(2).ToArray();
        return names.Length == 1
            ? Existing(Path.Combine(folder, names[0] + ".dll"))
            : Existing(Path.Combine(folder, Path.GetFileName(folder) + ".dll"));
    }

    private static string? Existing(string file) => File.Exists(file) ? file : null;

    private static string? MissingDependency(string assembly)
    {
        var file = Path.ChangeExtension(assembly, ".deps.json");
        if (!File.Exists(file))
            return null;

        using var json = Dependencies(file);
        if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("targets", out var targets))
            return null;
        var folder = Path.GetDirectoryName(assembly)!;
        return Members(targets)
            .SelectMany(target => Members(target.Value))
            .SelectMany(library => library.Value.ValueKind == JsonValueKind.Object && library.Value.TryGetProperty("runtime", out var runtime) ? Members(runtime) : [])
            .Select(asset => Path.GetFileName(asset.Name))
            .FirstOrDefault(name => !File.Exists(Path.Combine(folder, name)));
    }

    private static JsonDocument Dependencies(string file)
    {
        try
        {
            return JsonDocument.Parse(RegularFile.ReadText(file));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{Path.GetFileName(file)} is not valid JSON at line {e.LineNumber + 1}", e);
        }
    }

    private static IEnumerable<JsonProperty> Members(JsonElement element) =>
        element.ValueKind == JsonValueKind.Object ? element.EnumerateObject() : Enumerable.Empty<JsonProperty>();
}
