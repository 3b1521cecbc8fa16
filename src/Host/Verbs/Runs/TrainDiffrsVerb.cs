using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>train-diffrs RUN</c>: trains the discriminator by which the sampler <c>diffrs</c> rejects.</summary>
internal sealed class TrainDiffrsVerb : Verb
{
    private const string Euler = "euler";

    private readonly Argument<string> _run;
    private readonly Option<int> _epochs, _steps;
    private readonly Option<long?> _seed;

    public TrainDiffrsVerb()
        : base("train-diffrs", "Trains a run's discriminator, by which the sampler diffrs rejects")
    {
        _run = With(RunArguments.Trained());
        _epochs = With(
            new Option<int>("--epochs") { Description = "How often each volume is seen", HelpName = "N", DefaultValueFactory = _ => 60 });
        _steps = With(new Option<int>("--steps")
        {
            Description = "Steps of Euler's method for the generated volumes",
            HelpName = "N",
            DefaultValueFactory = _ => 25,
        });
        _seed = With(new Option<long?>("--seed") { Description = "Seed of the generated volumes", HelpName = "N" });
        With(CommonOptions.Cohort);
        With(CommonOptions.AllowChangedPlugin);
        With(CommonOptions.Json);
    }

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var epochs = parse.GetValue(_epochs);
        if (epochs < 1)
            throw new UsageException($"--epochs is {epochs}; give at least 1");
        using var session = new Session(parse);
        Assignment[] sets =
        [
            Assignment.By(Name, "sampling.use", Euler), Assignment.By("--steps", "sampling.steps", parse.GetValue(_steps)),
            .. Seed(parse), .. CommonOptions.CohortSet(parse),
        ];
        var run = AnimalRuns.Open(session, parse.GetRequiredValue(_run), sets, AnimalRuns.CheckCohort(parse));
        if (ExperimentLoader.Load(session, run) is not DiffusionExperiment)
            throw new UsageException(
                $"{Places.Shown(run.Path)} is a compressor's run, which samples nothing that could be rejected; name one of a denoiser");
        var experiment = (DiffusionExperiment)ExperimentLoader.Load(session, run, sets);
        var manifest = experiment.TrainDiscriminator(run, epochs, cancellation);
        Output.Write(parse, () => JsonSerializer.SerializeToNode(manifest, AtomicFile.Json)!, () => Output.Facts(
            ("parameters", manifest.Parameters.ToString("N0", CultureInfo.InvariantCulture)),
            ("volumes", $"{manifest.TrainingPairs} real and as many generated"),
            ("best epoch", $"{manifest.BestEpoch}{(manifest.ValidationPairs == 0 ? " (the last: there is no validation split)" : "")}"),
            ("checkpoint", manifest.Checkpoint)));
        return ExitCode.Done;
    }

    private IEnumerable<Assignment> Seed(ParseResult parse) =>
        parse.GetValue(_seed) is { } seed ? [Assignment.By("--seed", "sampling.seed", seed)] : [];
}
