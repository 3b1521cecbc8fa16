using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Training;

/// <summary>Parameters that training leaves as they are: <c>training.freeze</c>.</summary>
internal static class FrozenParameters
{
    /// <summary>Takes parameters from the optimiser's reach.</summary>
    /// <param name="module">The module.</param>
    /// <param name="patterns">Patterns of their names; null for none.</param>
    /// <exception cref="PlanException">A pattern is of no parameter, or nothing is left to train.</exception>
    public static void Freeze(nn.Module module, IReadOnlyList<string>? patterns)
    {
        if (patterns is null)
            return;
        var named = module.named_parameters().ToArray();
        foreach (var (name, parameter) in named.Where(one => NamePatterns.Find(patterns, one.name) is not null))
            parameter.requires_grad = false;
        if (NamePatterns.Unused(patterns, named.Select(one => one.name)) is { } unused)
            throw Refusal(
                $"freeze names `{unused}`, and the network has no such parameter; "
                + $"its first are {string.Join(", ", named.Take(4).Select(one => one.name))}");
        if (!named.Any(one => one.parameter.requires_grad))
            throw Refusal("freeze names all parameters of the network, so that nothing is left to train; name fewer");
    }

    private static PlanException Refusal(string sentence) => new PlanException(sentence, "freeze").In("training");
}
