using System.Collections.Immutable;
using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace VoxelZoo.PluginManifest;

/// <summary>What a plugin's assembly says of itself, read from its metadata: none of its code runs and nothing is loaded.</summary>
internal sealed record PluginMetadata
{
    /// <summary>The plugin's id: <c>AssemblyMetadata("VoxelZoo.Plugin")</c>.</summary>
    public string? Id { get; private init; }

    /// <summary>The range of contract versions that it was built for: <c>AssemblyMetadata("VoxelZoo.Contract")</c>.</summary>
    public string? Contract { get; private init; }

    /// <summary>Its own version, without the source revision.</summary>
    public string Version { get; private init; } = "0.0.0";

    /// <summary>One line for listings: <c>Description</c> of the project.</summary>
    public string Summary { get; private init; } = "";

    /// <summary>SPDX expression: <c>PackageLicenseExpression</c> of the project.</summary>
    public string License { get; private init; } = "";

    /// <summary><c>Authors</c> of the project.</summary>
    public string Authors { get; private init; } = "";

    /// <summary>Where it is told of: <c>PackageProjectUrl</c> of the project.</summary>
    public string Homepage { get; private init; } = "";

    /// <summary>What is new, or where that is told: <c>PackageReleaseNotes</c> of the project.</summary>
    public string Changelog { get; private init; } = "";

    /// <summary>The test project that the build found beside the plugin's.</summary>
    public string Tests { get; private init; } = "";

    /// <summary>Assemblies that it refers to.</summary>
    public ImmutableArray<string> References { get; private init; } = [];

    /// <summary>A class that is marked as a part and that the host cannot use, and why; null where there is none.</summary>
    public string? Unusable { get; private init; }

    /// <summary>The classes marked with the attribute of a kind, in the order of kind and id.</summary>
    public ImmutableArray<PartMetadata> Parts { get; private init; } = [];

    /// <summary>Reads an assembly.</summary>
    /// <exception cref="BadImageFormatException">The file is no .NET assembly.</exception>
    public static PluginMetadata Read(string assembly)
    {
        using var file = new PEReader(File.OpenRead(assembly));
        if (!file.HasMetadata)
            throw new BadImageFormatException($"{assembly} is not a .NET assembly");

        var reader = file.GetMetadataReader();
        var attributes = reader.GetAssemblyDefinition().GetCustomAttributes()
            .Select(a => Attribute.Decode(reader, a)).OfType<Attribute>().ToArray();
        string? One(string type) => attributes.FirstOrDefault(a => a.Type == type)?.Arguments[0] as string;
        string? Metadata(string key) =>
            attributes.FirstOrDefault(a => a.Type == "AssemblyMetadataAttribute" && (string?)a.Arguments[0] == key)?.Arguments[1] as string;
        return new PluginMetadata
        {
            Id = Metadata("VoxelZoo.Plugin"),
            Contract = Metadata("VoxelZoo.Contract"),
            Version = (One("AssemblyInformationalVersionAttribute") ?? "0.0.0").Split('+')[0],
            Summary = One("AssemblyDescriptionAttribute") ?? "",
            License = Metadata("VoxelZoo.License") ?? "",
            Authors = Metadata("VoxelZoo.Authors") ?? "",
            Homepage = Metadata("VoxelZoo.Homepage") ?? "",
            Changelog = Metadata("VoxelZoo.Changelog") ?? "",
            Tests = Metadata("VoxelZoo.Tests") ?? "",
            References = [.. reader.AssemblyReferences.Select(handle => reader.GetString(reader.GetAssemblyReference(handle).Name))],
            Unusable = UnusableOf(reader).FirstOrDefault(),
            Parts = [.. PartsOf(reader).OrderBy(p => p.Kind, StringComparer.Ordinal).ThenBy(p => p.Id, StringComparer.Ordinal)],
        };
    }

    private static IEnumerable<PartMetadata> PartsOf(MetadataReader reader)
    {
        foreach (var type in reader.TypeDefinitions.Select(reader.GetTypeDefinition))
        {
            foreach (var attribute in type.GetCustomAttributes().Select(a => Attribute.Decode(reader, a)))
            {
                if (attribute is { Namespace: "VoxelZoo.Abstractions", Arguments: [string id] }
                    && PartMetadata.KindOf(attribute.Type) is { } kind)
                    yield return new PartMetadata(kind, id, attribute.Named.GetValueOrDefault("Summary") as string ?? "");
            }
        }
    }

    private static IEnumerable<string> UnusableOf(MetadataReader reader) =>
        from handle in reader.TypeDefinitions
        let type = reader.GetTypeDefinition(handle)
        where type.GetCustomAttributes().Select(a => Attribute.Decode(reader, a))
            .Any(a => a is { Namespace: "VoxelZoo.Abstractions" } && PartMetadata.KindOf(a.Type) is not null)
        let why = (type.Attributes
            & TypeAttributes.VisibilityMask) is not (TypeAttributes.Public or TypeAttributes.NestedPublic) ? "is not public"
            : (type.Attributes & TypeAttributes.Abstract) != 0 ? "is abstract"
            : type.GetGenericParameters().Count > 0 ? "is generic"
            : null
        where why is not null
        select $"the class {reader.GetString(type.Name)} is marked as a part and {why}; a part is a public sealed class";

    private sealed record Attribute(string Namespace, string Type, object?[] Arguments, Dictionary<string, object?> Named)
    {
        // an attribute that we do not know may take types that we cannot decode; it is none of ours
        public static Attribute? Decode(MetadataReader reader, CustomAttributeHandle handle)
        {
            var attribute = reader.GetCustomAttribute(handle);
            if (attribute.Constructor.Kind != HandleKind.MemberReference)
                return null;
            var constructor = reader.GetMemberReference((MemberReferenceHandle)attribute.Constructor);
            if (constructor.Parent.Kind != HandleKind.TypeReference)
                return null;
            var type = reader.GetTypeReference((TypeReferenceHandle)constructor.Parent);
            var (space, name) = (reader.GetString(type.Namespace), reader.GetString(type.Name));
            if (space != "VoxelZoo.Abstractions" && space != "System.Reflection")
                return null;
            var value = attribute.DecodeValue(AttributeTypes.Instance);
            return new Attribute(
                space, name, [.. value.FixedArguments.Select(a => a.Value)], value.NamedArguments.ToDictionary(a => a.Name!, a => a.Value));
        }
    }
}

/// <summary>A part of a plugin.</summary>
/// <param name="Kind">
/// <c>architecture</c>, <c>strategy</c>, <c>compressor</c>, <c>augmentation</c>, <c>sampler</c> or <c>metric</c>.
/// </param>
/// <param name="Id">What <c>use:</c> names.</param>
/// <param name="Summary">One line for listings.</param>
internal sealed record PartMetadata(string Kind, string Id, string Summary)
{
    /// <summary>The JSON Schema of its options, as the manifest has it, or null.</summary>
    public string? Options { get; init; }

    /// <summary>The parts with which it does not go together, as the manifest has them, or null.</summary>
    public string? Conflicts { get; init; }

    /// <summary>The kinds, as manifests write them.</summary>
    public static ImmutableArray<string> Kinds { get; } = ["architecture", "strategy", "compressor", "augmentation", "sampler", "metric"];

    /// <summary>The first part whose kind and id another one has, or null.</summary>
    public static PartMetadata? Twice(IEnumerable<PartMetadata> parts) =>
        parts.GroupBy(part => (part.Kind, part.Id)).FirstOrDefault(same => same.Count() > 1)?.First();

    /// <summary>The kind that an attribute class marks, or null.</summary>
    public static string? KindOf(string attribute) =>
        Kinds.FirstOrDefault(kind => string.Equals(kind + "Attribute", attribute, StringComparison.OrdinalIgnoreCase));
}
