using System.CommandLine;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary>What a training begins with, on the verbs that begin one: <c>--from</c>, the switch of <c>training.from</c>.</summary>
internal sealed class StartOptions
{
    private readonly Option<string?> _from = new("--from")
    {
        Description = "Begin with the weights of an animal (zoo/FAMILY/NAME), of a run, or of a .safetensors file", HelpName = "WEIGHTS",
    };

    private readonly Option<bool> _strict = new("--strict")
    {
        Description = "With --from: refuse where a tensor is missing, left over or of another shape; the default",
    };
    private readonly Option<bool> _matching = new("--matching")
    {
        Description = "With --from: take the tensors of the same name and shape; new input channels start at zero, "
            + "the rest is fresh, and is named",
    };

    public IEnumerable<Option> All => [_from, _strict, _matching];

    /// <summary>Whether the command line names weights.</summary>
    public bool IsGiven(ParseResult parse) => parse.GetValue(_from) is not null;

    /// <summary>What the options stand for.</summary>
    /// <exception cref="UsageException">They contradict each other.</exception>
    public IEnumerable<Assignment> Sets(ParseResult parse)
    {
        var (strict, matching) = (parse.GetValue(_strict), parse.GetValue(_matching));
        if (strict && matching)
            throw new UsageException($"{_strict.Name} and {_matching.Name} exclude each other; give one of the two");
        if (parse.GetValue(_from) is not { } from)
        {
            if (strict || matching)
                throw new UsageException(
                    $"{(strict ? _strict : _matching).Name} says what is taken of the weights that {_from.Name} names; name some");
            yield break;
        }

        yield return Assignment.By(_from.Name, "training.from", from);
        if (strict || matching)
            yield return Assignment.By(
                strict ? _strict.Name : _matching.Name,
                "training.from_tensors",
                OptionsShape.KeyOf((strict ? StartingTensors.Strict : StartingTensors.Matching).ToString()));
    }
}
