using System.CommandLine;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Verbs.Runs;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Sweeps;

/// <summary>The options that both sweeps have.</summary>
internal sealed class SweepOptions
{
    private readonly Option<int> _count = new("--count")
    {
        Description = "Volumes to generate with each configuration",
        HelpName = "N",
        DefaultValueFactory = _ => 25,
    };
    private readonly Option<string?> _split = new Option<string?>("--split")
    {
        Description = "Split whose conditions are used: train, val or test; by default val, or test where there is none",
        HelpName = "SPLIT",
    }.Among([.. Cohort.AllSplits]);
    private readonly Option<string> _against = new Option<string>("--against")
    {
        Description = "Split of the real volumes: train, val or test",
        HelpName = "SPLIT",
        DefaultValueFactory = _ => Cohort.Train,
    }.Among([.. Cohort.AllSplits]);
    private readonly Option<long?> _seed = new("--seed") { Description = "Seed of the noise", HelpName = "N" };
    private readonly Option<string> _checkpoint = RunArguments.Checkpoint();
    private readonly GuidanceOptions _guidance = new();

    /// <summary>All of them.</summary>
    public IEnumerable<Option> All =>
        [_count, _split, _against, _seed, _checkpoint, CommonOptions.Cohort, CommonOptions.AllowChangedPlugin, .. _guidance.All];

    /// <summary>What the command line says.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="metrics">The metrics that it names; none for those that there are anyway.</param>
    public SweepRequest Read(ParseResult parse, params IReadOnlyList<string> metrics) => new()
    {
        Metrics = metrics,
        ConditionSplit = parse.GetValue(_split),
        Against = parse.GetValue(_against)!,
        Checkpoint = parse.GetValue(_checkpoint)!,
    };

    /// <summary>Opens a run.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="session">The parts.</param>
    /// <param name="folder">The run's folder.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="first">A configuration, by which the request is tried.</param>
    /// <exception cref="UsageException">It is a compressor's run.</exception>
    public SamplerSweep Open(ParseResult parse, Session session, string folder, SweepRequest request, SolverConfiguration first)
    {
        Assignment[] sets = [.. Sets(parse)];
        var run = AnimalRuns.Open(session, folder, sets, AnimalRuns.CheckCohort(parse));
        if (CompressionPlanReader.Reads(ExperimentLoader.ReadRun(run)))
            throw new UsageException(
                $"{Places.Shown(run.Path)} is a compressor's run, which has no sampler to sweep; name one of a denoiser");
        var experiment = ExperimentLoader.LoadChanged(session, run, sets, plan => SamplerSweep.PlanOf(plan, session.Context.Parts, first,
            request.SamplerBy));
        return experiment.OpenSweep(run, request, first);
    }

    private IEnumerable<Assignment> Sets(ParseResult parse)
    {
        yield return Assignment.By("--count", "sampling.count", parse.GetValue(_count));
        yield return Assignment.By("sweep", "evaluation.generate", null);
        if (parse.GetValue(_split) is { } split)
            yield return Assignment.By(_split.Name, "sampling.split", split);
        if (parse.GetValue(_seed) is { } seed)
            yield return Assignment.By("--seed", "sampling.seed", seed);
        foreach (var set in CommonOptions.CohortSet(parse))
            yield return set;
        foreach (var set in _guidance.Sets(parse))
            yield return set;
    }
}
