using TorchSharp;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Of some weights those that a module can begin with: those of its names and shapes, and of the layer that sees the
/// input the channels that both know.
/// </summary>
public sealed class MatchedTensors : IDisposable
{
    private readonly Dictionary<string, Tensor> _taken = [];
    private readonly List<Tensor> _made = [];

    private MatchedTensors(StartedModule outcome) => Outcome = outcome;

    /// <summary>What is taken, by name.</summary>
    public IReadOnlyDictionary<string, Tensor> Taken => _taken;

    /// <summary>What became of each tensor.</summary>
    public StartedModule Outcome { get; private set; }

    /// <summary>Compares weights with a module.</summary>
    /// <param name="module">The module; only its names and shapes count, so that it may be on the meta device.</param>
    /// <param name="weights">The weights; they stay the caller's and have to outlive this.</param>
    /// <param name="channels">Of each input channel of the module, which of theirs it is, or null where it is new.</param>
    public static MatchedTensors Of(nn.Module module, IReadOnlyDictionary<string, Tensor> weights, InputChannels channels)
    {
        var own = Weights.Of(module);
        var (fresh, widened) = (new List<string>(), new List<string>());
        var matched = new MatchedTensors(new StartedModule { Tensors = 0, Numbers = 0, Taken = 0, TakenNumbers = 0 });
        var (taken, numbers) = (0, 0L);
        foreach (var (name, tensor) in own)
        {
            if (!weights.TryGetValue(name, out var theirs) || theirs.is_floating_point() != tensor.is_floating_point())
                fresh.Add(name);
            else if (theirs.shape.SequenceEqual(tensor.shape))
            {
                matched._taken[name] = theirs;
                (taken, numbers) = (taken + 1, numbers + tensor.numel());
            }
            else if (channels.Widen(theirs, tensor.shape) is { } wide)
            {
                matched._made.Add(wide);
                matched._taken[name] = wide;
                widened.Add($"{name}: {channels.NewTo(theirs)} of {tensor.shape[1]} input channels");
            }
            else
                fresh.Add($"{name}: [{string.Join(", ", tensor.shape)}] for [{string.Join(", ", theirs.shape)}]");
        }

        matched.Outcome = new StartedModule
        {
            Tensors = own.Count,
            Numbers = own.Values.Sum(tensor => tensor.numel()),
            Taken = taken,
            TakenNumbers = numbers,
            Widened = widened,
            Fresh = fresh,
            Left = [.. weights.Keys.Where(name => !matched._taken.ContainsKey(name)).Order(StringComparer.Ordinal)],
        };
        return matched;
    }

    /// <summary>Frees what was made; what was only taken stays.</summary>
    public void Dispose()
    {
        foreach (var tensor in _made)
            tensor.Dispose();
    }
}

/// <summary>Which of a network's input channels are those of another one.</summary>
/// <param name="Of">Of each channel here, its place there; null where it is new.</param>
/// <param name="Theirs">How many there are there; null where nobody knows.</param>
public sealed record InputChannels(IReadOnlyList<int?> Of, int? Theirs)
{
    /// <summary>How many are new to weights of the layer that sees the input.</summary>
    internal int NewTo(Tensor weights) => Of.Count(place => place is null || place >= weights.shape[1]);

    /// <summary>Those of networks of which only the weights are known: what is more here comes after what is there.</summary>
    /// <param name="ours">How many there are here.</param>
    public static InputChannels Appended(int ours) => new([.. Enumerable.Range(0, ours).Select(place => (int?)place)], null);

    /// <summary>Those of networks whose channels have names.</summary>
    public static InputChannels Named(IReadOnlyList<string> ours, IReadOnlyList<string> theirs)
    {
        var places = theirs.Index().ToDictionary(channel => channel.Item, channel => channel.Index);
        return new([.. ours.Select(name => places.TryGetValue(name, out var place) ? place : (int?)null)], theirs.Count);
    }

    /// <summary>
    /// Weights of the layer that sees the input, of the channels that are here: the new ones are zero. Null where it is no such layer.
    /// </summary>
    /// <param name="weights">Theirs, <c>[out, in, …]</c>.</param>
    /// <param name="shape">The shape here.</param>
    internal Tensor? Widen(Tensor weights, long[] shape)
    {
        var there = weights.shape;
        var isInput = there.Length == shape.Length && shape.Length >= 2 && shape[1] == Of.Count
            && (Theirs is { } count ? there[1] == count : there[1] < shape[1])
            && shape.Where((_, axis) => axis != 1).SequenceEqual(there.Where((_, axis) => axis != 1));
        if (!isInput)
            return null;
        using var scope = torch.NewDisposeScope();
        using var noGradient = torch.no_grad();
        var wide = torch.zeros(shape, weights.dtype);
        foreach (var (place, theirs) in Of.Index().Where(channel => channel.Item < there[1]))
            wide.narrow(1, place, 1).copy_(weights.narrow(1, theirs!.Value, 1));
        return wide.DetachFromDisposeScope();
    }
}
