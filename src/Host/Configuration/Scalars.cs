namespace VoxelZoo.Host.Configuration;

/// <summary>Single values: numbers, truth values, texts and enumerations.</summary>
internal static class Scalars
{
    public static object Convert(Node node, Type type, string key)
    {
        if (node is not ScalarNode { IsNull: false } scalar)
            throw Wrong(node, key, Expected(type));
        if (type == typeof(string))
            return scalar.Text;
        if (type.IsEnum)
            return Enumeration(scalar, type, key);
        if (type == typeof(bool))
            return scalar.Kind == ScalarKind.Boolean ? scalar.Text[0] is 't' or 'T' : throw Wrong(node, key, Expected(type));
        if (type == typeof(double))
            return Number(scalar, key);
        if (scalar.Kind != ScalarKind.Integer)
            throw Wrong(node, key, Expected(type));
        return CoreSchema.Integer(scalar.Text) switch
        {
            { } value when type == typeof(long) => (object)value,
            { } value when (int)value == value => (int)value,
            _ => throw Wrong(node, key, type == typeof(long) ? "an integer of 64 bits" : "an integer of 32 bits"),
        };
    }

    private static object Number(ScalarNode scalar, string key)
    {
        if (scalar.Kind is not (ScalarKind.Integer or ScalarKind.Real))
            throw Wrong(scalar, key, "a number");
        var value = CoreSchema.Real(scalar.Text);
        return double.IsFinite(value)
            ? value
            : throw Wrong(
                scalar,
                key,
                double.IsNaN(value) ? "a number"
                    : scalar.Text.EndsWith("inf", StringComparison.OrdinalIgnoreCase) ? "a finite number"
                    : "a number that fits 64 bits");
    }

    private static object Enumeration(ScalarNode scalar, Type type, string key)
    {
        var names = Enum.GetNames(type).ToDictionary(OptionsShape.KeyOf, StringComparer.Ordinal);
        if (names.TryGetValue(scalar.Text, out var name))
            return Enum.Parse(type, name);
        throw Wrong(scalar, key, $"one of {string.Join(", ", names.Keys)}{Spelling.Suggestion(scalar.Text, names.Keys)}");
    }

    private static string Expected(Type type) =>
        type == typeof(bool) ? "true or false"
        : type == typeof(double) ? "a number"
        : type == typeof(string) ? "a text"
        : type.IsEnum ? $"one of {string.Join(", ", Enum.GetNames(type).Select(OptionsShape.KeyOf))}"
        : "an integer";

    private static ConfigurationException Wrong(Node node, string key, string expected) =>
        new(node.Position, $"`{key}` is {node.Description}, expected {expected}");
}
