using System.CommandLine;
using System.Text.Json;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>evaluate RUN</c>: measures a run's checkpoints on volumes that it has not seen.</summary>
internal sealed class EvaluateVerb : Verb
{
    private readonly Argument<string> _run;
    private readonly Option<string[]> _checkpoints, _splits;
    private readonly Option<string?> _modality = ModalityOption.Create();

    public EvaluateVerb()
        : base("evaluate", "Measures a run's best and latest checkpoints on its val and test splits, into evaluation.json")
    {
        _run = With(RunArguments.Trained());
        _checkpoints = With(new Option<string[]>("--checkpoint")
        {
            Description = "best, latest, best_generation or one by its own name, such as step-00001000; by default the first two. "
                + "May be given several times",
            HelpName = "NAME",
        }.AmongOr(EvaluatedOptions.IsStep, EvaluatedOptions.StepForm, [.. EvaluatedOptions.AllCheckpoints]));
        _splits = With(new Option<string[]>("--split")
        {
            Description = "train, val or test; by default test, and val where there is one. May be given several times",
            HelpName = "SPLIT",
        }.Among([.. Cohort.AllSplits]));
        With(_modality);
        With(CommonOptions.Set("evaluation.splits=[test]"));
        With(CommonOptions.Cohort);
        With(CommonOptions.AllowChangedPlugin);
        With(CommonOptions.Json);
    }

    public override bool StopsInOrder => true;

    public override bool RunsTogether => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse, Collective);
        Assignment[] sets =
        [
            .. CommonOptions.Sets(parse), .. Sets(parse, _checkpoints, "checkpoints"), .. Sets(parse, _splits, "splits"),
            .. ModalityOption.Sets(parse, _modality), .. CommonOptions.CohortSet(parse),
        ];
        var run = AnimalRuns.Open(session, parse.GetRequiredValue(_run), sets, animal =>
        {
            ModalityOption.Require(parse, _modality, animal.Plan);
            animal.CheckAnimal(evaluates: true);
        });
        var experiment = ExperimentLoader.Load(session, run, sets);
        ModalityOption.Require(parse, _modality, experiment.Plan);
        var evaluation = experiment.Evaluate(run, cancellation);
        if (Collective.IsFirst())
            Output.Write(
                parse,
                () => JsonSerializer.SerializeToNode(evaluation, evaluation.GetType(), AtomicFile.Json)!,
                () => EvaluationTable.Of(evaluation));
        return ExitCode.Done;
    }

    private static IEnumerable<Assignment> Sets(ParseResult parse, Option<string[]> option, string key) =>
        parse.GetValue(option) is { Length: > 0 } names ? [Assignment.By(option.Name, $"evaluation.{key}", names)] : [];
}
