using System.CommandLine;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary>A verb on an experiment's file: EXP, and what is laid over it.</summary>
internal abstract class ExperimentVerb : Verb
{
    private readonly Argument<string> _experiment = new("EXP")
    {
        Description = "An experiment's YAML file, its id in the folder `experiments`, or PLUGIN/ID of one that a plugin brings",
    };

    protected ExperimentVerb(string name, string description)
        : base(name, description) => With(_experiment);

    /// <summary>Adds <c>--set</c> and <c>--profile</c>.</summary>
    /// <param name="example">A value that this verb has.</param>
    protected void WithValues(string example)
    {
        With(CommonOptions.Set(example));
        With(CommonOptions.Profile);
    }

    /// <summary>What EXP says.</summary>
    protected string Named(ParseResult parse) => parse.GetRequiredValue(_experiment);

    /// <summary>Loads the experiment, with what is laid over it.</summary>
    /// <param name="parse">The command line.</param>
    /// <param name="session">The parts.</param>
    /// <param name="more">Values that other options stand for.</param>
    protected Experiment Load(ParseResult parse, Session session, params IEnumerable<Assignment> more) =>
        ExperimentLoader.Load(parse, session, Named(parse), more);
}
