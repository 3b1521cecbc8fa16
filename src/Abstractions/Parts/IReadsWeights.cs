namespace VoxelZoo.Abstractions;

/// <summary>
/// Tells the options of a network from the shapes of its weights, for those that another program saved. An architecture or a compressor may
/// implement it beside its own interface. Since contract 1.4.
/// </summary>
public interface IReadsWeights
{
    /// <summary>The name that a tensor has here which other programs, or older versions, call otherwise. Default: the same.</summary>
    /// <param name="name">Its name there.</param>
    string OwnName(string name) => name;

    /// <summary>Options of the network that has tensors of these shapes.</summary>
    /// <param name="shapes">The shapes, by the names that they have here.</param>
    /// <exception cref="PlanException">They are of another network; the message says why.</exception>
    WeightReading Read(WeightShapes shapes);
}

/// <summary>What shapes tell of options.</summary>
/// <param name="Options">The options, of the part's <see cref="IPart.OptionsType"/>.</param>
public sealed record WeightReading(object Options)
{
    /// <summary>
    /// Options that change what the network computes and that no shape tells, as YAML writes them: what is there is assumed.
    /// </summary>
    public IReadOnlyList<string> Assumed { get; init; } = [];
}

/// <summary>The shapes of some weights by name. Since contract 1.4.</summary>
/// <param name="shapes">The shapes.</param>
public sealed class WeightShapes(IReadOnlyDictionary<string, IReadOnlyList<long>> shapes)
{
    /// <summary>The size of a tensor along an axis.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="axis">The axis, from 0.</param>
    /// <exception cref="PlanException">There is no such tensor, or it has fewer axes.</exception>
    public int Size(string name, int axis)
    {
        if (!shapes.TryGetValue(name, out var shape))
            throw new PlanException($"the weights have no `{name}`, by which the network would be known");
        return axis < shape.Count
            ? (int)shape[axis]
            : throw new PlanException($"`{name}` is [{string.Join(", ", shape)}], and more axes were expected");
    }

    /// <summary>Whether there is a tensor of that name, or one whose name begins with it and a dot.</summary>
    /// <param name="beginning">The name, or the beginning.</param>
    public bool Has(string beginning) =>
        shapes.Keys.Any(name => name == beginning || name.StartsWith($"{beginning}.", StringComparison.Ordinal));

    /// <summary>How many of <c>BEGINNING.0</c>, <c>BEGINNING.1</c> … there are without a gap.</summary>
    /// <param name="beginning">The beginning.</param>
    public int Count(string beginning) => Enumerable.Range(0, int.MaxValue).TakeWhile(index => Has($"{beginning}.{index}")).Count();

    /// <summary>The largest whole number by which all of some sizes divide, or a usual one where they do by that.</summary>
    /// <param name="usual">The usual one.</param>
    /// <param name="sizes">The sizes.</param>
    public static int Divisor(int usual, params IEnumerable<int> sizes)
    {
        var common = sizes.Aggregate(0, (one, other) => (int)System.Numerics.BigInteger.GreatestCommonDivisor(one, other));
        return common % usual == 0 ? usual : common;
    }
}
