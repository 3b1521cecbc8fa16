using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Conformance.Options;

/// <summary>The keys that an options record takes: <c>NumResBlocks { get; init; }</c> is <c>num_res_blocks</c>.</summary>
internal sealed class OptionsShape
{
    private static readonly ConcurrentDictionary<Type, OptionsShape> Shapes = new();
    private readonly Dictionary<string, PropertyInfo> _properties;

    private OptionsShape(Type type)
    {
        _properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(IsOption)
            .ToDictionary(p => KeyOf(p.Name), StringComparer.Ordinal);
        Required = [.. _properties.Where(p => p.Value.IsDefined(typeof(RequiredMemberAttribute))).Select(p => p.Key)];

        var presets = type.GetInterfaces()
            .Any(i => i.IsGenericType && i.GetGenericTypeDefinition() == typeof(IPresets<>) && i.GenericTypeArguments[0] == type);
        if (presets)
            (PresetKey, Presets) =
                ((string, IReadOnlyDictionary<string, object>))ReadPresetsMethod.MakeGenericMethod(type).Invoke(null, null)!;
    }

    /// <summary>The keys of properties, and the preset's key if there are presets.</summary>
    public IEnumerable<string> Keys => PresetKey is null ? _properties.Keys : _properties.Keys.Union([PresetKey]);

    /// <summary>Keys that must be given.</summary>
    public ImmutableArray<string> Required { get; }

    /// <summary>The key that names a preset, or null.</summary>
    public string? PresetKey { get; }

    /// <summary>The presets by name.</summary>
    public IReadOnlyDictionary<string, object> Presets { get; } = ImmutableDictionary<string, object>.Empty;

    /// <summary>The shape of a record, found once.</summary>
    public static OptionsShape Of(Type type) => Shapes.GetOrAdd(type, t => new OptionsShape(t));

    /// <summary>The keys of the properties of a type that may be no such record: two of them may be one key.</summary>
    public static IEnumerable<string> KeysOf(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(IsOption).Select(property => KeyOf(property.Name));

    /// <summary>The property behind a key, or null.</summary>
    public PropertyInfo? Property(string key) => _properties.GetValueOrDefault(key);

    /// <summary>Whether a property is an option.</summary>
    public static bool IsOption(PropertyInfo property) =>
        property.SetMethod is { IsPublic: true } && property.GetIndexParameters().Length == 0;

    /// <summary>Whether options of a type are a section with keys of their own.</summary>
    public static bool IsSection(Type type) => !IsScalar(type) && Within(type) is null;

    /// <summary>Whether a value of a type is written as one word or number.</summary>
    public static bool IsScalar(Type type) =>
        type.IsEnum || type == typeof(int) || type == typeof(long) || type == typeof(double)
            || type == typeof(bool) || type == typeof(string);

    /// <summary>The type of the items of a list, or of the values of a dictionary; null for other types.</summary>
    public static Type? Within(Type type) => ItemType(type) ?? DictionaryValueType(type);

    /// <summary>The type of the items of a list; null for other types.</summary>
    public static Type? ItemType(Type type)
    {
        // bound values are arrays, so every interface of an array will do
        if (type.IsArray)
            return type.GetElementType();
        return type.IsGenericType && type.IsInterface && type.GenericTypeArguments is [var item]
            && type.IsAssignableFrom(item.MakeArrayType())
                ? item
                : null;
    }

    /// <summary>The type of the values of a dictionary by text; null for other types.</summary>
    public static Type? DictionaryValueType(Type type) =>
        type.IsGenericType && type.GenericTypeArguments is [var key, var value] && key == typeof(string)
            && type.IsAssignableFrom(typeof(Dictionary<,>).MakeGenericType(key, value)) ? value : null;

    /// <summary><c>NumResBlocks</c> as YAML writes it.</summary>
    public static string KeyOf(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    private static readonly MethodInfo ReadPresetsMethod = typeof(OptionsShape).GetMethod(
        nameof(ReadPresets), BindingFlags.NonPublic | BindingFlags.Static)!;

    private static (string, IReadOnlyDictionary<string, object>) ReadPresets<T>()
        where T : IPresets<T> =>
        (T.PresetKey, T.Presets.ToImmutableDictionary(p => p.Key, p => (object)p.Value, StringComparer.OrdinalIgnoreCase));
}
