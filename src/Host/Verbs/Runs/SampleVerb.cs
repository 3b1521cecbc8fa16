using System.CommandLine;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>sample RUN</c>: generates volumes from a run's checkpoint.</summary>
internal sealed class SampleVerb : Verb
{
    private readonly Argument<string> _run;
    private readonly Option<int?> _count, _steps;
    private readonly Option<string?> _solver, _out;
    private readonly GuidanceOptions _guidance = new();
    private readonly Option<string> _checkpoint = RunArguments.Checkpoint();
    private readonly Option<string?> _bins = BinsOption.Create(), _modality = ModalityOption.Create();
    private readonly Option<long?> _seed;
    private readonly Option<bool> _native, _overwrite;

    public SampleVerb()
        : base("sample", "Generates volumes from a run, as NIfTI with pictures")
    {
        _run = With(RunArguments.Trained());
        _count = With(new Option<int?>("--count") { Description = "Volumes to generate", HelpName = "N" });
        _solver = With(new Option<string?>("--solver") { Description = "The sampler, such as euler", HelpName = "ID" });
        _steps = With(new Option<int?>("--steps") { Description = "Steps of a sampler with a fixed number of them", HelpName = "N" });
        foreach (var option in _guidance.All)
            Options.Add(option);
        _seed = With(new Option<long?>("--seed") { Description = "Seed of the noise", HelpName = "N" });
        With(_checkpoint);
        With(_bins);
        With(_modality);
        With(CommonOptions.Set("sampling.eta=1"));
        With(CommonOptions.Cohort);
        With(CommonOptions.AllowChangedPlugin);
        _native = With(new Option<bool>("--native")
        {
            Description = "Also write each volume on the patient's own grid, as it was before `data import`, "
                + "into the sample's folder native",
        });
        _out = With(new Option<string?>("--out") { Description = "Folder for the samples instead of the run's", HelpName = "DIR" });
        _overwrite = With(new Option<bool>("--overwrite")
        {
            Description = "Number the samples from 0, in place of all that are there; without it they are added after the last one",
        });
    }

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    public override bool RunsTogether => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        using var session = new Session(parse, Collective);
        if (parse.GetValue(_out) is { } folder)
            OutFolder.Require(folder);
        Assignment[] sets = [.. Sets(parse), .. ModalityOption.Sets(parse, _modality), .. CommonOptions.CohortSet(parse)];
        var run = AnimalRuns.Open(session, parse.GetRequiredValue(_run), sets, animal =>
        {
            Require(parse, animal);
            animal.CheckAnimal(evaluates: false);
        });
        var experiment = ExperimentLoader.Load(session, run, sets);
        Require(parse, experiment);
        var samples = experiment
            .Sample(
                run,
                parse.GetValue(_out),
                parse.GetValue(_overwrite) ? SampleNumbers.Replace : SampleNumbers.Continue,
                cancellation,
                parse.GetValue(_checkpoint)!);
        if (parse.GetValue(_native))
            ((DiffusionExperiment)experiment).WriteNative(run, samples);
        RunArguments.Tell(samples);
        return ExitCode.Done;
    }

    private void Require(ParseResult parse, Experiment experiment)
    {
        if (parse.GetValue(_native) && experiment is not DiffusionExperiment)
            throw new UsageException($"{_native.Name} is of generated volumes, and {experiment.Plan.Id} trains a compressor, whose "
                + $"reconstructions lie where their originals do");
        BinsOption.Require(parse, _bins, experiment.Plan);
        ModalityOption.Require(parse, _modality, experiment.Plan);
    }

    private IEnumerable<Assignment> Sets(ParseResult parse)
    {
        (string Key, IFormattable? Value)[] numbers =
        [
            ("count", parse.GetValue(_count)), ("steps", parse.GetValue(_steps)), ("seed", parse.GetValue(_seed)),
        ];
        if (parse.GetValue(_solver) is { } solver)
            yield return Assignment.By("--solver", "sampling.use", solver);
        foreach (var (key, value) in numbers.Where(n => n.Value is not null))
            yield return Assignment.By($"--{key}", $"sampling.{key}", value);
        foreach (var set in _guidance.Sets(parse))
            yield return set;
        foreach (var set in BinsOption.Sets(parse, _bins))
            yield return set;
        foreach (var set in CommonOptions.Sets(parse))
        {
            if (!set.Key.StartsWith("sampling.", StringComparison.Ordinal))
                throw new UsageException(
                    $"--set {set.Key}: only keys of `sampling` can differ from those that the run was trained with, "
                    + "such as sampling.eta=1");
            yield return set;
        }
    }
}
