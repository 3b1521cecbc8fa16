using System.Reflection;
using VoxelZoo.Abstractions;
using VoxelZoo.Conformance.Options;

namespace VoxelZoo.Conformance;

/// <summary>
/// Checks the options of a part of any kind: whether experiments can write them, and whether those that they leave out are within the
/// part's own limits.
/// </summary>
public static class OptionsConformance
{
    /// <summary>Runs the check, which creates no instance of what the part makes.</summary>
    /// <param name="part">The part.</param>
    public static IReadOnlyList<ConformanceCheck> Verify(IPart part)
    {
        var checks = new CheckList();
        checks.Run("options", "the options are a record that experiments can write, with defaults within its limits", () => Fault(part));
        return checks.Results;
    }

    private static string? Fault(IPart part)
    {
        var type = part.OptionsType;
        if (FaultOf(type, "") is { } fault)
            return fault;
        var shape = OptionsShape.Of(type);
        (string Name, object? Values)[] sets =
        [
            ("the default", Activator.CreateInstance(type)), ("Tiny", part.Tiny),
            .. shape.Presets.Select(preset => ($"the preset {preset.Key}", (object?)preset.Value)),
        ];
        return sets.Select(set => OutOfLimits(set.Name, set.Values!)).FirstOrDefault(found => found is not null);
    }

    /// <summary>Why options of a type cannot be written, or null.</summary>
    /// <param name="type">The type.</param>
    /// <param name="path">The key of its section, with a dot, or empty.</param>
    private static string? FaultOf(Type type, string path)
    {
        if (!IsRecord(type))
            return $"{(path.Length == 0 ? "the options" : $"`{path.TrimEnd('.')}`")} {type.Name} is no record, which options have to be: "
                + "they are copied and compared";
        foreach (var same in Settable(type).GroupBy(property => OptionsShape.KeyOf(property.Name)).Where(same => same.Count() > 1))
            return $"{string.Join(" and ", same.Select(property => property.Name))} are both the key `{path}{same.Key}`; "
                + "give one of them another name";
        return Settable(type).Select(property => FaultOf(property.PropertyType, property, $"{path}{OptionsShape.KeyOf(property.Name)}"))
            .FirstOrDefault(fault => fault is not null);
    }

    private static string? FaultOf(Type type, PropertyInfo property, string key)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (OptionsShape.IsScalar(type))
            return null;
        if (OptionsShape.Within(type) is { } within)
            return FaultOf(within, property, key);
        return IsRecord(type)
            ? FaultOf(type, key + ".")
            : $"`{key}` is a {Name(property.PropertyType)}, which no experiment can write; "
                + "use int, long, double, bool, string, an enumeration, a record of these, or a list or dictionary of them";
    }

    private static string? OutOfLimits(string name, object options)
    {
        foreach (var property in Settable(options.GetType()))
        {
            var (key, value) = (OptionsShape.KeyOf(property.Name), property.GetValue(options));
            if (value is null)
                continue;
            if (OptionLimits.Of(property, key, value, $"{value}") is { } fault)
                return $"{name}: {fault.Sentence}";
            if (OptionsShape.IsSection(value.GetType()) && OutOfLimits($"{name}, {key}", value) is { } below)
                return below;
        }

        return null;
    }

    private static IEnumerable<PropertyInfo> Settable(Type type) =>
        type.GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(OptionsShape.IsOption);

    // the compiler gives every record class such a method, and nobody else can write one
    private static bool IsRecord(Type type) => type.IsClass && type.GetMethod("<Clone>$") is not null;

    private static string Name(Type type) =>
        type.IsGenericType ? $"{type.Name.Split('`')[0]}<{string.Join(", ", type.GenericTypeArguments.Select(Name))}>" : type.Name;
}
