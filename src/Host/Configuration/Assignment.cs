namespace VoxelZoo.Host.Configuration;

/// <summary>A value that is laid over a configuration, and what a message about it names: who typed <c>--steps 5</c> has never seen <c>--set sampling.steps</c>.</summary>
/// <param name="Key">The key with its sections, such as <c>training.epochs</c>.</param>
/// <param name="Value">The value as YAML writes it.</param>
/// <param name="Place">The option that was typed, or the place that gave the value.</param>
internal sealed record Assignment(string Key, string Value, Position Place)
{
    private const int Deepest = 16;

    /// <summary>Reads what <c>--set</c> was given.</summary>
    /// <exception cref="ConfigurationException">It is no <c>KEY=VALUE</c>.</exception>
    public static Assignment Parse(string set)
    {
        var equals = set.IndexOf('=', StringComparison.Ordinal);
        var key = equals < 0 ? set : set[..equals].Trim();
        var option = new Position($"--set {key}");
        if (equals < 0)
            throw new ConfigurationException(option, "expected KEY=VALUE, as in --set training.epochs=10");
        var steps = key.Split('.');
        if (steps.Any(string.IsNullOrWhiteSpace) || steps.Length > Deepest)
            throw new ConfigurationException(option, "a key is one to sixteen names with dots between them");
        return new Assignment(key, set[(equals + 1)..], option);
    }

    /// <summary>What another option stands for.</summary>
    public static Assignment By(string option, string key, string value) => new(key, value, new Position(option));

    /// <summary>As <c>--set</c> takes it.</summary>
    public override string ToString() => $"{Key}={Value}";
}
