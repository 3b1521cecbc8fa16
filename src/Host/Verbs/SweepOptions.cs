using System.CommandLine;
using System.Globalization;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Experiments;

namespace VoxelZoo.Host.Verbs;

/// <summary>The options that both sweeps have.</summary>
internal sealed class SweepOptions
{
    private readonly Option<int> _count = new("--count") { Description = "Volumes to generate with each configuration (25)", HelpName = "N", DefaultValueFactory = _ => 25 };
    private readonly Option<string?> _split = new("--split") { Description = "Split whose conditions are used: train, val or test; by default val, or test where there is none", HelpName = "SPLIT" };
    private readonly Option<string> _against = new("--against") { Description = "Split of the real volumes: train (default), val or test", HelpName = "SPLIT", DefaultValueFactory = _ => Cohort.Train };
    private readonly Option<long?> _seed = new("--seed") { Description = "Seed of the noise", HelpName = "N" };
    private readonly Option<string> _checkpoint = new("--checkpoint") { Description = "best (default) or latest", HelpName = "NAME", DefaultValueFactory = _ => EvaluatedOptions.Best };
    private readonly GuidanceOptions _guidance = new();

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All => [_count, _split, _against, _seed, _checkpoint, CommonOptions.Cohort, .. _guidance.All];

    /// <summary>What the command line says.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="metrics">The metrics that it names; none for those that there are anyway.</param>
    /// <exception cref="UsageException">A name is none.</exception>
    public SweepRequest Read(ParseResult parse, params IReadOnlyList<string> metrics) => new()
    {
        Sets = [.. Sets(parse)],
        Metrics = metrics,
        ConditionSplit = parse.GetValue(_split) is { } split ? Known("--split", split, Cohort.AllSplits) : null,
        Against = Known("--against", parse.GetValue(_against)!, Cohort.AllSplits),
        Checkpoint = Known("--checkpoint", parse.GetValue(_checkpoint)!, [EvaluatedOptions.Best, EvaluatedOptions.Latest]),
    };

    private IEnumerable<string> Sets(ParseResult parse)
    {
        yield return string.Create(CultureInfo.InvariantCulture, $"sampling.count={parse.GetValue(_count)}");
        if (parse.GetValue(_seed) is { } seed)
            yield return string.Create(CultureInfo.InvariantCulture, $"sampling.seed={seed}");
        foreach (var set in CommonOptions.CohortSet(parse))
            yield return set;
        foreach (var set in _guidance.Sets(parse))
            yield return set;
    }

    private static string Known(string option, string name, IReadOnlyList<string> names) =>
        names.Contains(name) ? name : throw new UsageException($"{option} is `{name}`; name one of {string.Join(", ", names)}");
}
