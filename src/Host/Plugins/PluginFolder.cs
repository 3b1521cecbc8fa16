using System.Reflection;
using System.Text.Json;
using NuGet.Versioning;
using VoxelZoo.PluginManifest;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Plugins;

/// <summary>Judges one plugin folder from its files: nothing is loaded and no code of the plugin runs.</summary>
internal static class PluginFolder
{
    private const string ManifestName = "plugin.json", DependenciesEnd = ".deps.json";

    /// <summary>Assemblies that every plugin gets from the host: those of VoxelZoo.Shared.props.</summary>
    public static IReadOnlyList<string> SharedAssemblies { get; } =
        typeof(PluginFolder).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
            .Single(fact => fact.Key == nameof(SharedAssemblies)).Value!.Split(';');

    /// <summary>The catalogue's entry for a folder.</summary>
    public static Plugin Read(string folder, NuGetVersion contract)
    {
        var plugin = new Plugin { Id = Path.GetFileName(folder), Path = folder };
        try
        {
            var file = Path.Combine(folder, ManifestName);
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
                Homepage = manifest.Homepage,
                Changelog = manifest.Changelog,
                Tests = manifest.Tests,
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
            return Broken(
                plugin,
                $"the folder holds a copy of {copy}.dll, which the host shares; "
                + "delete it, or rebuild with the targets of VoxelZoo.Abstractions");
        if (plugin.Assembly is null)
            return Broken(plugin, NoAssembly(plugin.Path));

        var assembly = MetadataOf(plugin.Assembly);
        if (assembly.Contract is null || !VersionRange.TryParse(assembly.Contract, out var built))
            return Broken(
                plugin,
                $"{Path.GetFileName(plugin.Assembly)} does not say which contract it was built for; "
                + "build it with the targets of VoxelZoo.Abstractions");
        if (!built.Satisfies(contract))
            return plugin with
            {
                Status = PluginStatus.Incompatible,
                Reason = $"{Mismatch(assembly.Contract, contract)} (plugin.json claims {plugin.Contract})",
            };
        if (assembly.Id != plugin.Id)
            return Broken(plugin, $"plugin.json says `{plugin.Id}`, but {Path.GetFileName(plugin.Assembly)} is the plugin `{assembly.Id}`");
        if (plugin.Parts.FirstOrDefault(p => !assembly.Parts.Any(a => a.Kind == p.Kind && a.Id == p.Id)) is { } absent)
            return Broken(
                plugin, $"plugin.json names the {absent.Kind} `{absent.Id}`, which {Path.GetFileName(plugin.Assembly)} does not hold");
        if (PartMetadata.Twice(assembly.Parts) is { } twice)
            return Broken(
                plugin, $"{Path.GetFileName(plugin.Assembly)} holds the {twice.Kind} `{twice.Id}` twice; give one of the two another id");
        if (assembly.Unusable is { } why)
            return Broken(plugin, why);
        if (MissingDependency(plugin.Assembly) is { } missing)
            return Broken(plugin, $"{missing}, which {Path.GetFileNameWithoutExtension(plugin.Assembly)}.deps.json names, is missing");
        return MissingReference(plugin.Assembly, assembly) is { } reference
            ? Broken(plugin, $"{reference}.dll, which {Path.GetFileName(plugin.Assembly)} refers to, is missing")
            : plugin;
    }

    /// <summary>An assembly that a plugin needs and that neither its folder nor the host has, or null.</summary>
    private static string? MissingReference(string path, PluginMetadata assembly)
    {
        var folder = Path.GetDirectoryName(path)!;
        return assembly.References.FirstOrDefault(
            name => !HostAssemblies.Value.Contains(name) && !File.Exists(Path.Combine(folder, name + ".dll")));
    }

    // of .NET and of the host itself, which a plugin falls back to
    private static readonly Lazy<HashSet<string>> HostAssemblies = new(() =>
        [
            .. ((string?)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES") ?? "")
                .Split(Path.PathSeparator).Select(file => Path.GetFileNameWithoutExtension(file)),
            .. SharedAssemblies,
        ]);

    private static string NoAssembly(string folder) => DependencyFiles(folder) switch
    {
        [var one] => $"there is no {one}.dll, whose {one}.deps.json is there",
        [] => $"there is no {Path.GetFileName(folder)}.dll, nor a .deps.json that would say that the assembly is called otherwise",
        var several => $"there is no {Path.GetFileName(folder)}.dll, and which of "
            + $"{string.Join(", ", several.Select(name => name + ".dll"))} is the plugin's cannot be told; name the folder after it",
    };

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

    private static string Mismatch(string range, NuGetVersion contract)
    {
        var remedy = VersionRange.TryParse(range, out var built) && built.MinVersion is { } least && least > contract
            ? "; use a later version of VoxelZoo, or an earlier one of the plugin"
            : "; use a later version of the plugin, or build it anew against this contract";
        return $"it was built for contract {range}, this host has {contract.ToNormalizedString()}{remedy}";
    }

    // NAME/NAME.dll; a build's own output folder has another name, but just one .deps.json
    private static string? AssemblyOf(string folder)
    {
        return DependencyFiles(folder) is [var name]
            ? Existing(Path.Combine(folder, name + ".dll"))
            : Existing(Path.Combine(folder, Path.GetFileName(folder) + ".dll"));
    }

    private static string[] DependencyFiles(string folder) =>
        [
            .. Directory.EnumerateFiles(folder, "*" + DependenciesEnd)
                .Select(f => Path.GetFileName(f)[..^DependenciesEnd.Length]).Order(StringComparer.Ordinal),
        ];

    /// <summary>Whether a folder is what the build of a plugin leaves, manifest or not, and no folder of plugins.</summary>
    public static bool IsOne(string folder) =>
        File.Exists(Path.Combine(folder, ManifestName))
        || (Directory.Exists(folder) && Directory.EnumerateFiles(folder, "*" + DependenciesEnd).Any());

    // of a link that leads nowhere, File.Exists says that it is there
    private static bool IsThere(string link)
    {
        try
        {
            return new FileInfo(link).ResolveLinkTarget(returnFinalTarget: true) is { } target && Path.Exists(target.FullName);
        }
        catch (IOException)
        {
            return false; // a circle of links
        }
    }

    /// <summary>The entry for what lies in a folder of plugins and is none, or null where it can be left alone.</summary>
    public static Plugin? Stray(string path)
    {
        var plugin = new Plugin { Id = Path.GetFileName(path), Path = path };
        if (new FileInfo(path).LinkTarget is { } target && !IsThere(path))
            return Broken(plugin, $"it is a link to {target}, which is not there");
        return Path.GetExtension(path) is ".dll" or ".nupkg" or ".zip" && File.Exists(path)
            ? Broken(
                plugin,
                $"it lies in the folder of plugins itself; a plugin is a folder with a {ManifestName}, so "
                + (Path.GetExtension(path) == ".dll"
                    ? "put all that its build leaves into a folder of its own"
                    : "unpack it into one of its own"))
            : null;
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
            .SelectMany(
                library => library.Value.ValueKind == JsonValueKind.Object && library.Value.TryGetProperty("runtime", out var runtime)
                    ? Members(runtime)
                    : [])
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
