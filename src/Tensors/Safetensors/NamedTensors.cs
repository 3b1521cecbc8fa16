using System.Collections;
using System.Diagnostics.CodeAnalysis;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>The tensors of one file by name. Disposing it frees them all; they belong to no dispose scope.</summary>
public sealed class NamedTensors : IReadOnlyDictionary<string, Tensor>, IDisposable
{
    private readonly SortedDictionary<string, Tensor> _tensors;

    internal NamedTensors(
        SortedDictionary<string, Tensor> tensors,
        IReadOnlyDictionary<string, string> metadata,
        string source,
        IReadOnlyDictionary<string, string> unsupported)
    {
        Unsupported = unsupported;
        _tensors = tensors;
        Metadata = metadata;
        Source = source;
    }

    /// <summary>Free text by key, as the file's writer left it; empty where there is none.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>The dtypes, by name, of the file's tensors that were passed over because TorchSharp has no such dtype.</summary>
    public IReadOnlyDictionary<string, string> Unsupported { get; }

    /// <summary>The file that was read, for messages.</summary>
    public string Source { get; }

    /// <inheritdoc/>
    public IEnumerable<string> Keys => _tensors.Keys;

    /// <inheritdoc/>
    public IEnumerable<Tensor> Values => _tensors.Values;

    /// <inheritdoc/>
    public int Count => _tensors.Count;

    /// <summary>The tensor of that name; it stays owned by this collection.</summary>
    /// <exception cref="InvalidDataException">The file has no such tensor.</exception>
    public Tensor this[string key] => _tensors.TryGetValue(key, out var tensor)
        ? tensor
        : Unsupported.TryGetValue(key, out var dtype)
        ? throw new InvalidDataException($"{Source}: the dtype {dtype} of tensor '{key}' is not supported; write it as F32, for one")
        : throw new InvalidDataException(
            $"{Source}: there is no tensor '{key}'; the file has {string.Join(", ", Keys.Take(8))}{(Count > 8 ? ", …" : "")}");

    /// <inheritdoc/>
    public bool ContainsKey(string key) => _tensors.ContainsKey(key);

    /// <inheritdoc/>
    public bool TryGetValue(string key, [MaybeNullWhen(false)] out Tensor value) => _tensors.TryGetValue(key, out value);

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, Tensor>> GetEnumerator() => _tensors.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Frees the tensors.</summary>
    public void Dispose()
    {
        foreach (var tensor in _tensors.Values)
            tensor.Dispose();
    }
}
