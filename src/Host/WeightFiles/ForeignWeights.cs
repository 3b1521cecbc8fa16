using VoxelZoo.Abstractions;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Verbs.Parts;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Host.WeightFiles;

/// <summary>Weights of another program, as a part of this one takes them.</summary>
internal static class ForeignWeights
{
    /// <summary>Reads a file of weights: safetensors, or a state dict of PyTorch, of which no code is run.</summary>
    /// <param name="path">The file.</param>
    /// <param name="member">The dictionary of it, where it holds several.</param>
    /// <exception cref="UsageException">It cannot be read.</exception>
    public static NamedTensors Read(string path, string? member = null)
    {
        if (!File.Exists(path))
            throw new UsageException($"there is no file {path}; name one of weights, .safetensors or a state dict of PyTorch");
        var isSafe = path.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
        if (isSafe && member is not null)
            throw new UsageException($"{path} holds tensors and no dictionaries of them; leave --member out");
        return TensorFile.Refusing(() => isSafe ? SafetensorsFile.Read(path) : StateDictFile.Read(path, member), path);
    }

    /// <summary>
    /// The tensors by the names that a part has for them. What all names begin with before the network's own, such as <c>module.</c>, is
    /// taken away; where the file holds several networks, <paramref name="prefix"/> says of which the tensors are wanted.
    /// </summary>
    public static SortedDictionary<string, Tensor> Named(NamedTensors tensors, IReadsWeights part, string? prefix)
    {
        if (tensors.Unsupported.FirstOrDefault() is { Key: { } name, Value: var dtype })
            throw new UsageException($"{tensors.Source}: `{name}` is of {dtype}, which is not supported; save it as F32, for one");
        var wanted = prefix is null
            ? tensors.ToArray()
            : [.. tensors.Where(one => one.Key.StartsWith(prefix, StringComparison.Ordinal))
                .Select(one => KeyValuePair.Create(one.Key[prefix.Length..], one.Value))];
        if (wanted.Length == 0)
            throw new UsageException(
                $"{tensors.Source}: no tensor's name begins with {prefix}; the first is {tensors.Keys.FirstOrDefault()}");
        while (Beginning(wanted) is { } common)
            wanted = [.. wanted.Select(one => KeyValuePair.Create(one.Key[common.Length..], one.Value))];
        var named = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
        foreach (var (foreign, tensor) in wanted)
            named[part.OwnName(foreign)] = tensor;
        return named;
    }

    /// <summary>A network with such tensors, whose options they tell, and what of these is only assumed.</summary>
    /// <param name="part">Reads them.</param>
    /// <param name="id">What the part is called, for messages.</param>
    /// <param name="named">The tensors.</param>
    /// <param name="sets">Options that are given.</param>
    /// <exception cref="ConfigurationException">They are of no such network.</exception>
    public static (MapNode Options, IReadOnlyList<string> Assumed) Options(
        IReadsWeights part, string id, IReadOnlyDictionary<string, Tensor> named, IReadOnlyList<Assignment> sets)
    {
        var place = new Position($"--as {id}");
        try
        {
            var reading = part.Read(new WeightShapes(named.ToDictionary(one => one.Key, one => (IReadOnlyList<long>)one.Value.shape)));
            var written = System.Text.Json.JsonSerializer.Serialize(
                reading.Options, reading.Options.GetType(), Engine.Files.AtomicFile.Json);
            var options = (MapNode)Merger.WithoutNulls(YamlReader.ParseValue(written, place));
            options = options.Without(options.Entries.Where(entry => OptionsShape.Of(reading.Options.GetType()).Property(entry.Key) is null)
                .Select(entry => entry.Key));
            var merger = new Merger(new Dictionary<string, IReadOnlySet<string>>());
            foreach (var set in sets)
                options = (MapNode)merger.Set(options, set.Key, set.Value);
            return (options, [.. reading.Assumed.Except(sets.Select(set => set.Key))]);
        }
        catch (PlanException refusal)
        {
            throw new ConfigurationException(place, refusal.Message, refusal);
        }
    }

    private static string? Beginning(KeyValuePair<string, Tensor>[] tensors)
    {
        var dot = tensors[0].Key.IndexOf('.', StringComparison.Ordinal);
        return dot > 0
            && tensors[0].Key[..(dot + 1)] is var first
            && tensors.All(one => one.Key.StartsWith(first, StringComparison.Ordinal))
            ? first
            : null;
    }
}
