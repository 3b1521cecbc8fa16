using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Patients;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.CommandLine;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Zoo;

namespace VoxelZoo.Host.Verbs.Runs;

/// <summary><c>generate MASKRUN IMAGERUN</c>: generates patients, a mask and an image of it each, into one folder.</summary>
internal sealed class GenerateVerb : Verb
{
    private readonly Argument<string> _maskRun, _imageRun;
    private readonly Option<string> _out;
    private readonly Option<int> _count;
    private readonly Option<string?> _bins = BinsOption.Create();
    private readonly Option<long?> _seed;
    private readonly Option<string[]> _masks, _images, _checks;
    private readonly Option<string> _maskCheckpoint = RunArguments.Checkpoint("--mask-checkpoint");
    private readonly Option<string> _imageCheckpoint = RunArguments.Checkpoint("--image-checkpoint");
    private readonly Option<string?> _maskCohort, _imageCohort;

    public GenerateVerb()
        : base(
            "generate",
            "Generates patients: numbers of tumours, a mask that has them, an image of the mask; bins.csv and a folder each. "
            + "The same command goes on")
    {
        _maskRun = With(new Argument<string>("MASKRUN") { Description = "The folder of a run that generates masks" });
        _imageRun = With(new Argument<string>("IMAGERUN") { Description = "The folder of a run that generates images from masks" });
        _out = With(new Option<string>("--out") { Description = "Folder of the patients", HelpName = "DIR", Required = true });
        _count = With(
            new Option<int>("--count") { Description = "Patients that there are to be", HelpName = "N", DefaultValueFactory = _ => 10 });
        With(_bins);
        _seed = With(new Option<long?>("--seed") { Description = "Seed of masks and images", HelpName = "N" });
        _masks = With(Values("--masks", "A value of `sampling` for the masks, as in --masks steps=50; may be given several times"));
        _images = With(Values("--images", "The same for the images"));
        _checks = With(Values("--check", "What patients have to be like, as in --check mask_attempts=20; may be given several times"));
        With(_maskCheckpoint);
        With(_imageCheckpoint);
        _maskCohort = With(
            new Option<string?>("--mask-cohort") { Description = "Where the cohort of the masks' run lies now", HelpName = "DIR" });
        _imageCohort = With(
            new Option<string?>("--image-cohort") { Description = "Where that of the images' run lies now", HelpName = "DIR" });
        With(CommonOptions.AllowChangedPlugin);
        With(CommonOptions.Json);
    }

    private static Option<string[]> Values(string name, string description) =>
        new(name) { Description = description, HelpName = "KEY=VALUE" };

    public override bool StopsInOrder => true;

    public override bool LeavesFiles => true;

    public override bool RunsTogether => true;

    protected override ExitCode Run(ParseResult parse, CancellationToken cancellation)
    {
        var count = parse.GetValue(_count);
        if (count < 1)
            throw new UsageException($"--count is {count}; give at least 1");
        var folder = parse.GetRequiredValue(_out);
        OutFolder.Require(folder);
        var checks = Checks(parse);
        using var session = new Session(parse, Collective);
        var masks = Masks(parse, session);
        var images = Open(
            session, parse.GetRequiredValue(_imageRun), [.. Sets(parse, _images, _imageCohort)], parse.GetValue(_imageCheckpoint)!);
        using var generation = new PatientGeneration(masks, images, checks, cancellation);
        var observer = session.Context.Observer;
        try
        {
            var generated = generation.Run(folder, count, record => Tell(observer, folder, record), cancellation);
            if (Collective.IsFirst())
                Output.Write(
                    parse, () => JsonSerializer.SerializeToNode(generated, AtomicFile.Json)!, () => Output.Facts([.. Facts(generated)]));
            return ExitCode.Done;
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested || Collective.Size > 1)
        {
            if (Collective.IsFirst())
                observer.Told($"{Places.Shown(folder)}: stopped; the patients that are there stay, and the same command goes on");
            return ExitCode.Stopped;
        }
    }

    /// <summary>
    /// The run of masks. Where nobody says which tumours they are asked for, they are drawn as the training split has them.
    /// </summary>
    private PatientRun Masks(ParseResult parse, Session session)
    {
        var (folder, checkpoint) = (parse.GetRequiredValue(_maskRun), parse.GetValue(_maskCheckpoint)!);
        Assignment[] sets = [.. Sets(parse, _masks, _maskCohort), .. BinsOption.Sets(parse, _bins)];
        var masks = Open(session, folder, sets, checkpoint);
        BinsOption.Require(parse, _bins, masks.Experiment.Plan);
        var (plan, asked) = (masks.Experiment.Plan, masks.Experiment.Plan.Sampling);
        if (parse.GetValue(_bins) is not null
            || plan.Condition.SizeBins is null
            || asked is not { Bins: null, BinsFrom: SizeBinSource.Patients })
            return masks;
        var law = Assignment.By(_bins.Name, "sampling.bins_from", OptionsShape.KeyOf(nameof(SizeBinSource.Law)));
        return Open(session, folder, [.. sets, law], checkpoint);
    }

    private static PatientRun Open(Session session, string folder, Assignment[] sets, string checkpoint)
    {
        var run = AnimalRuns.Open(session, folder, sets, animal => animal.CheckAnimal(evaluates: false));
        return ExperimentLoader.Load(session, run) is DiffusionExperiment
            ? new PatientRun((DiffusionExperiment)ExperimentLoader.Load(session, run, sets), run, checkpoint)
            : throw new UsageException($"{Places.Shown(run.Path)} is a compressor's run, which generates nothing; name one of a denoiser");
    }

    private IEnumerable<Assignment> Sets(ParseResult parse, Option<string[]> values, Option<string?> cohort)
    {
        foreach (var set in parse.GetValue(values) ?? [])
        {
            if (set.Split('=')[0].Trim() == "count")
                throw new UsageException($"{values.Name} {set}: how many patients there are to be is said by {_count.Name}");
            yield return Assignment.Parse($"sampling.{set}", new Position($"{values.Name} {set.Split('=')[0]}"));
        }

        if (parse.GetValue(_seed) is { } seed)
            yield return Assignment.By(_seed.Name, "sampling.seed", seed);
        if (parse.GetValue(cohort) is { } folder)
            yield return Assignment.By(cohort.Name, "data.cohort", Path.GetFullPath(folder));
    }

    private PatientChecks Checks(ParseResult parse)
    {
        var values = (parse.GetValue(_checks) ?? [])
            .Select(set => Assignment.Parse(set, new Position($"{_checks.Name} {set.Split('=')[0]}")))
            .GroupBy(set => set.Key).Select(same => same.Last()).ToArray();
        return Binder.Bind<PatientChecks>(
            new MapNode(new Position(_checks.Name), [.. values.Select(set => new MapEntry(set.Key, set.Place, set.Value))]));
    }

    private static void Tell(ExperimentObserver observer, string folder, PatientRecord record)
    {
        var place = Places.Shown(Path.Combine(folder, record.Patient));
        var asked = record.RequestedBins is { } requested ? $"asked for {string.Join(',', requested)}, " : "";
        var removed = record.RemovedTumours > 0 ? $", {record.RemovedTumours} tumours removed" : "";
        observer.Told(
            $"{place}: {asked}has {string.Join(',', record.MeasuredBins)}; masks {record.Masks}, images {record.Images}{removed}");
        if (record.Exact == false)
            observer.Warned($"{place}: no mask had all the tumours that were asked for; the nearest was taken");
    }

    private static IEnumerable<(string, string)> Facts(GeneratedPatients generated)
    {
        yield return ("patients", string.Create(CultureInfo.InvariantCulture, $"{generated.Patients}, {generated.Made} of them made now"));
        if (generated.Adherence is not { } adherence)
            yield break;
        yield return ("as asked for", adherence.Exact.ToString("P1", CultureInfo.InvariantCulture));
        yield return ("mean absolute error", adherence.MeanAbsoluteError.ToString("G4", CultureInfo.InvariantCulture));
        yield return ("rank correlation", adherence.Spearman.ToString("G4", CultureInfo.InvariantCulture));
    }
}
