using System.Collections;
using System.Reflection;
using System.Runtime.Loader;
using System.Text.Json.Nodes;

namespace VoxelZoo.PluginManifest;

/// <summary>
/// What takes the loaded assembly to tell of a plugin's parts: the schema of their options, and with which others they do not go.
/// </summary>
internal sealed class PartDetails
{
    private const string OfOptions = "VoxelZoo.Abstractions.IPart`1", OfParts = "VoxelZoo.Abstractions.IPart";

    private readonly Type[] _types;
    private readonly OptionsSchema _schema;

    private PartDetails(Type[] types, OptionsSchema schema) => (_types, _schema) = (types, schema);

    /// <summary>
    /// Loads an assembly. Of its code run the constructors of options, their presets, and the constructors of parts that have conflicts.
    /// </summary>
    /// <param name="path">The assembly.</param>
    /// <param name="references">The assemblies that it was compiled with, .NET's own apart.</param>
    /// <param name="documentation">The XML file of its sentences.</param>
    public static PartDetails Load(string path, IReadOnlyList<string> references, string? documentation)
    {
        var context = new AssemblyLoadContext(path);
        context.Resolving += (_, name) => references.FirstOrDefault(file => Path.GetFileNameWithoutExtension(file) == name.Name) is { } file
            ? context.LoadFromAssemblyPath(Path.GetFullPath(file))
            : null;
        var sentences = new XmlDocumentation();
        foreach (var file in references.Select(file => Path.ChangeExtension(file, ".xml")).Append(documentation).OfType<string>())
            sentences.Add(file);
        return new PartDetails(TypesOf(context.LoadFromAssemblyPath(Path.GetFullPath(path))), new OptionsSchema(sentences));
    }

    /// <summary>Adds to a part in a manifest what is known of it.</summary>
    /// <exception cref="InvalidOperationException">Its options cannot be created.</exception>
    public void AddTo(JsonObject json, PartMetadata part)
    {
        if (_types.FirstOrDefault(type => IsMarked(type, part)) is not { } type)
            return;
        if (type.GetInterfaces()
            .FirstOrDefault(each => each.IsGenericType && each.GetGenericTypeDefinition().FullName == OfOptions) is { } typed)
            json["options"] = Options(typed.GenericTypeArguments[0], part);
        if (Conflicts(type) is { Count: > 0 } conflicts)
            json["conflicts"] = conflicts;
    }

    private JsonObject Options(Type options, PartMetadata part)
    {
        try
        {
            return _schema.Of(options);
        }
        catch (TargetInvocationException e)
        {
            throw new InvalidOperationException(
                $"the options {options.Name} of the {part.Kind} '{part.Id}' cannot be created: {e.InnerException!.Message}", e);
        }
    }

    // a part is created only where its class says that it has conflicts
    private static JsonArray Conflicts(Type type)
    {
        var map = type.GetInterfaceMap(type.GetInterface(OfParts)!);
        var getter = map.TargetMethods[Array.FindIndex(map.InterfaceMethods, method => method.Name == "get_Conflicts")];
        if (getter is null || getter.DeclaringType!.IsInterface)
            return [];
        return
        [
            .. from object conflict in (IEnumerable)getter.Invoke(Activator.CreateInstance(type), null)!
               let of = (Func<string, object?>)(name => conflict.GetType().GetProperty(name)!.GetValue(conflict))
               select new JsonObject
               {
                   ["kind"] = OptionsSchema.KeyOf($"{of("Kind")}"), ["id"] = (string?)of("Id"), ["refused"] = (bool)of("IsRefused")!,
                   ["reason"] = (string?)of("Reason"),
               },
        ];
    }

    private static bool IsMarked(Type type, PartMetadata part) => type.CustomAttributes.Any(mark =>
        PartMetadata.KindOf(mark.AttributeType.Name) == part.Kind && mark.ConstructorArguments is [{ Value: string id }] && id == part.Id);

    // of a type that refers to what is not there, the others can still be told
    private static Type[] TypesOf(Assembly assembly)
    {
        try
        {
            return assembly.GetTypes();
        }
        catch (ReflectionTypeLoadException e)
        {
            return [.. e.Types.OfType<Type>()];
        }
    }
}
