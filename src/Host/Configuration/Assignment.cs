using System.Globalization;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// A value that is laid over a configuration, and what a message about it names: who typed <c>--steps 5</c> has never seen
/// <c>--set sampling.steps</c>.
/// </summary>
/// <param name="Key">The key with its sections, such as <c>training.epochs</c>.</param>
/// <param name="Value">The value.</param>
/// <param name="Place">The option that was typed, or the place that gave the value.</param>
internal sealed record Assignment(string Key, Node Value, Position Place)
{
    private const int Deepest = 16;

    private string? _typed;

    /// <summary>Reads what <c>--set</c> was given.</summary>
    /// <param name="set">What was typed.</param>
    /// <param name="place">What a message about it names; by default <c>--set</c> with its key.</param>
    /// <exception cref="ConfigurationException">It is no <c>KEY=VALUE</c>, or the value is no YAML.</exception>
    public static Assignment Parse(string set, Position? place = null)
    {
        var equals = set.IndexOf('=', StringComparison.Ordinal);
        var key = equals < 0 ? set : set[..equals].Trim();
        var option = place ?? new Position($"--set {key}");
        if (equals < 0)
            throw new ConfigurationException(option, "expected KEY=VALUE, as in --set training.epochs=10");
        var steps = key.Split('.');
        if (steps.Any(string.IsNullOrWhiteSpace) || steps.Length > Deepest)
            throw new ConfigurationException(option, "a key is one to sixteen names with dots between them");
        return new Assignment(key, YamlReader.ParseValue(set[(equals + 1)..], option), option) { _typed = set[(equals + 1)..] };
    }

    /// <summary>What another option stands for.</summary>
    /// <param name="option">The option, as it was typed.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">Null, text, a number, a truth value, or a list of them.</param>
    public static Assignment By(string option, string key, object? value) => At(new Position(option), key, value);

    /// <summary>A value that was given elsewhere.</summary>
    public static Assignment At(Position place, string key, object? value) => new(key, NodeOf(value, place), place);

    /// <summary>A value as a configuration holds it.</summary>
    public static Node NodeOf(object? value, Position place) => value switch
    {
        null => new ScalarNode(place, "null", ScalarKind.Null),
        string text => new ScalarNode(place, text, ScalarKind.Text),
        bool truth => new ScalarNode(place, truth ? "true" : "false", ScalarKind.Boolean),
        double number => new ScalarNode(place, number.ToString("R", CultureInfo.InvariantCulture), ScalarKind.Real),
        IFormattable number => new ScalarNode(place, number.ToString(null, CultureInfo.InvariantCulture), ScalarKind.Integer),
        System.Collections.IEnumerable items => new ListNode(place, [.. items.Cast<object?>().Select(item => NodeOf(item, place))]),
        _ => throw new ArgumentException($"{value.GetType()} is no value of a configuration", nameof(value)),
    };

    /// <summary>As <c>--set</c> takes it.</summary>
    public override string ToString() => $"{Key}={_typed ?? NodeJson.Of(Value)?.ToJsonString() ?? "null"}";
}
