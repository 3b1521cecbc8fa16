using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace VoxelZoo.PluginManifest;

/// <summary>
/// The JSON Schema of an options record: each key with type, default, limits and sentence. It says what the host binds:
/// <c>HiddenChannels</c> is the key <c>hidden_channels</c>, limits are DataAnnotations.
/// </summary>
/// <param name="documentation">The sentences.</param>
internal sealed class OptionsSchema(XmlDocumentation documentation)
{
    private const string Presets = "VoxelZoo.Abstractions.IPresets`1";

    /// <summary>The schema of a record.</summary>
    /// <param name="record">Its type, which has a constructor without parameters.</param>
    public JsonObject Of(Type record)
    {
        var defaults = Activator.CreateInstance(record);
        var properties = new JsonObject();
        foreach (var property in Settable(record))
            properties[KeyOf(property.Name)] = Of(property, defaults);
        if (PresetsOf(record) is var (key, names))
        {
            properties[key] ??= new JsonObject
            {
                ["description"] = "The set of options that is started from; keys beside it override its values.",
            };
            properties[key]!["type"] = "string";
            properties[key]!["enum"] = new JsonArray([.. names.Select(name => JsonValue.Create(name))]);
        }

        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties, ["additionalProperties"] = false };
        string[] required =
        [
            .. Settable(record).Where(property => property.IsDefined(typeof(RequiredMemberAttribute)))
                .Select(property => KeyOf(property.Name)),
        ];
        if (required.Length > 0)
            schema["required"] = new JsonArray([.. required.Select(name => JsonValue.Create(name))]);
        return schema;
    }

    /// <summary><c>NumResBlocks</c> as YAML writes it.</summary>
    public static string KeyOf(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    private static IEnumerable<PropertyInfo> Settable(Type record) => record.GetProperties(BindingFlags.Public | BindingFlags.Instance)
        .Where(property => property.SetMethod is { IsPublic: true } && property.GetIndexParameters().Length == 0)
        .DistinctBy(property => property.Name);

    private JsonObject Of(PropertyInfo property, object? defaults)
    {
        var schema = OfType(property.PropertyType);
        Limit(schema, property);
        if (defaults is not null && property.GetValue(defaults) is { } value && Value(value) is { } shown)
            schema["default"] = shown;
        if (documentation.Of(property) is { Length: > 0 } sentence)
            schema["description"] = sentence;
        return schema;
    }

    private JsonObject OfType(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type.IsEnum)
            return new JsonObject
            {
                ["type"] = "string",
                ["enum"] = new JsonArray([.. Enum.GetNames(type).Select(name => JsonValue.Create(KeyOf(name)))]),
            };
        if (ScalarOf(type) is { } scalar)
            return new JsonObject { ["type"] = scalar };
        if (ValueType(type) is { } value)
            return new JsonObject { ["type"] = "object", ["additionalProperties"] = OfType(value) };
        if (ItemType(type) is { } item)
            return new JsonObject { ["type"] = "array", ["items"] = OfType(item) };
        return type.IsClass && type.GetConstructor(Type.EmptyTypes) is not null && !type.IsSubclassOf(typeof(Delegate)) ? Of(type) : [];
    }

    private static string? ScalarOf(Type type) =>
        type == typeof(int) || type == typeof(long) ? "integer"
            : type == typeof(double) ? "number"
            : type == typeof(bool) ? "boolean"
            : type == typeof(string) ? "string"
            : null;

    private static Type? ItemType(Type type) => type.IsArray ? type.GetElementType()
        : type is { IsGenericType: true, IsInterface: true, GenericTypeArguments: [var item] }
            && type.IsAssignableFrom(item.MakeArrayType()) ? item
        : null;

    private static Type? ValueType(Type type) =>
        type is { IsGenericType: true, GenericTypeArguments: [var key, var value] } && key == typeof(string)
            && type.IsAssignableFrom(typeof(Dictionary<,>).MakeGenericType(key, value)) ? value : null;

    private static void Limit(JsonObject schema, PropertyInfo property)
    {
        foreach (var limit in property.GetCustomAttributes<ValidationAttribute>())
        {
            switch (limit)
            {
                case RangeAttribute range:
                    // a range on a list holds for each item
                    Limit(schema["items"] as JsonObject ?? schema["additionalProperties"] as JsonObject ?? schema, range);
                    break;
                case AllowedValuesAttribute allowed:
                    schema["enum"] = new JsonArray([.. allowed.Values.Select(value => value is null ? null : Value(value))]);
                    break;
                case MinLengthAttribute least:
                    schema[schema["items"] is null ? "minLength" : "minItems"] = least.Length;
                    break;
                case MaxLengthAttribute most:
                    schema[schema["items"] is null ? "maxLength" : "maxItems"] = most.Length;
                    break;
                case RegularExpressionAttribute pattern:
                    schema["pattern"] = $"^(?:{pattern.Pattern})$";
                    break;
            }
        }
    }

    private static void Limit(JsonObject schema, RangeAttribute range)
    {
        var (low, high) =
            (Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture), Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture));
        if (low is not (double.MinValue or double.NegativeInfinity or int.MinValue))
            schema[range.MinimumIsExclusive ? "exclusiveMinimum" : "minimum"] = low;
        if (high is not (double.MaxValue or double.PositiveInfinity or int.MaxValue or (double)long.MaxValue))
            schema[range.MaximumIsExclusive ? "exclusiveMaximum" : "maximum"] = high;
    }

    /// <summary>A default as JSON; null for records, whose keys have defaults of their own, and for what JSON cannot write.</summary>
    private static JsonNode? Value(object value) => value switch
    {
        string text => JsonValue.Create(text),
        bool truth => JsonValue.Create(truth),
        int whole => JsonValue.Create(whole),
        long whole => JsonValue.Create(whole),
        double number => double.IsFinite(number) ? JsonValue.Create(number) : null,
        Enum name => JsonValue.Create(KeyOf(name.ToString())),
        IDictionary entries =>
            new JsonObject(
                entries.Keys.Cast<object>().Select(key => KeyValuePair.Create($"{key}", entries[key] is { } each ? Value(each) : null))),
        IEnumerable items => new JsonArray([.. items.Cast<object>().Select(Value)]),
        _ => null,
    };

    private static (string Key, string[] Names)? PresetsOf(Type record)
    {
        var presets = record.GetInterfaces().FirstOrDefault(each =>
            each.IsGenericType && each.GetGenericTypeDefinition().FullName == Presets && each.GenericTypeArguments[0] == record);
        if (presets is null)
            return null;
        var map = record.GetInterfaceMap(presets);
        object? Get(string member) =>
            map.TargetMethods[Array.FindIndex(map.InterfaceMethods, method => method.Name == $"get_{member}")].Invoke(null, null);
        var names = ((IEnumerable)Get("Presets")!).Cast<object>()
            .Select(pair => (string)pair.GetType().GetProperty("Key")!.GetValue(pair)!);
        return ((string)Get("PresetKey")!, [.. names.Order(StringComparer.Ordinal)]);
    }
}
