using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>A module's weights by key, in and out.</summary>
public static class Weights
{
    private const int Named = 4;

    /// <summary>
    /// Parameters and persistent buffers by key, sorted. They are the module's own tensors, not copies; do not dispose them.
    /// </summary>
    public static IReadOnlyDictionary<string, Tensor> Of(nn.Module module) =>
        new SortedDictionary<string, Tensor>(module.state_dict(), StringComparer.Ordinal);

    /// <summary>
    /// Copies weights into a module, into its device and dtypes. Either every key fits and all are copied, or nothing is touched.
    /// </summary>
    /// <param name="module">Its keys and shapes are what is expected.</param>
    /// <param name="weights">By key; left unchanged.</param>
    /// <param name="source">Where they came from, for the message.</param>
    /// <exception cref="InvalidDataException">
    /// Keys are missing, unexpected, of another shape, or whole numbers for real ones; one sentence with counts and first names.
    /// </exception>
    public static void Load(nn.Module module, IReadOnlyDictionary<string, Tensor> weights, string source) =>
        Copy(Of(module), weights, source, module.GetType().Name);

    /// <summary>Copies some of a module's weights into it; the others stay as they are.</summary>
    /// <inheritdoc cref="Load"/>
    public static void LoadPart(
        nn.Module module,
        IReadOnlyDictionary<string, Tensor> weights,
        string source) =>
        Copy(
            Of(module).Where(own => weights.ContainsKey(own.Key)).ToDictionary(own => own.Key, own => own.Value),
            weights,
            source,
            module.GetType().Name);

    internal static void Copy(
        IReadOnlyDictionary<string, Tensor> own,
        IReadOnlyDictionary<string, Tensor> weights,
        string source,
        string owner)
    {
        var unsupported = weights is NamedTensors file ? file.Unsupported : new Dictionary<string, string>();
        var faults = new[]
        {
            Fault("of a dtype that is not supported", [.. unsupported.Select(u => $"{u.Key}: {u.Value}").Order(StringComparer.Ordinal)]),
            Fault("missing", [.. own.Keys.Where(k => !weights.ContainsKey(k) && !unsupported.ContainsKey(k))]),
            Fault("unexpected", [.. weights.Keys.Where(k => !own.ContainsKey(k)).Order(StringComparer.Ordinal)]),
            Fault("of another shape", [.. own.Keys.Where(k => weights.TryGetValue(k, out var w) && !w.shape.SequenceEqual(own[k].shape))
                .Select(k => $"{k}: [{string.Join(", ", weights[k].shape)}] for [{string.Join(", ", own[k].shape)}]")]),
            Fault("of whole numbers", [.. own.Keys
                .Where(k => own[k].is_floating_point() && weights.TryGetValue(k, out var w) && !w.is_floating_point())
                .Select(k => $"{k}: {weights[k].dtype} for {own[k].dtype}")]),
        };
        if (faults.Any(f => f is not null))
            throw new InvalidDataException($"{source} does not fit {owner}: {string.Join("; ", faults.Where(f => f is not null))}");

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (key, tensor) in own)
            tensor.copy_(weights[key]);
    }

    private static string? Fault(string what, string[] keys) => keys.Length == 0
        ? null
        : $"{keys.Length} {what} ({string.Join(", ", keys.Take(Named))}{(keys.Length > Named ? ", …" : "")})";
}
