using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>Weights that an experiment uses and another one trained: a compressor, or the denoiser that a ControlNet steers.</summary>
/// <param name="experiment">The experiment that uses them.</param>
/// <param name="section">Where it names them: <c>compressor</c>, <c>condition.compressor</c> or <c>condition.control</c>.</param>
/// <param name="name">What they are to the run: one of the names of <see cref="FrozenParts"/>.</param>
/// <param name="component">The component of the other run's checkpoints.</param>
/// <param name="id">The part that has them.</param>
/// <param name="options">Its options, which must be the other run's.</param>
/// <param name="source">Where they come from.</param>
internal sealed class BorrowedWeights(
    DiffusionExperiment experiment, string section, string name, string component, string id, object options, IWeightSource source)
{
    /// <summary>The folder of a run in which others are trained for it first.</summary>
    public const string FirstFolder = "first";

    /// <summary>What an experiment borrows.</summary>
    public static IEnumerable<BorrowedWeights> Of(DiffusionExperiment experiment)
    {
        var plan = experiment.Plan;
        if (plan.Compressor.Part.IsLearned)
            yield return new BorrowedWeights(experiment, "compressor", FrozenParts.Compressor, "compressor", plan.Compressor.Id, plan.Compressor.Options, plan.Latent);
        if (plan.ConditionCompressor is { Part.IsLearned: true } own)
            yield return new BorrowedWeights(experiment, "condition.compressor", FrozenParts.ConditionCompressor, "compressor", own.Id, own.Options, plan.ConditionLatent);
        if (plan.Condition.Control is { } control)
            yield return new BorrowedWeights(experiment, "condition.control", FrozenParts.Denoiser, "denoiser", plan.Architecture.Id, plan.Architecture.Options, control);
    }

    /// <summary>Refuses weights that are nowhere, before anything is made.</summary>
    public void Check()
    {
        if (source is { From: null, TrainFirst: null })
            throw Refusal($"`{id}` needs trained weights; set {section}.from to the run that trained them, or to its experiment's id");
        if (source.From is not null)
            RefuseOthers(Run(source.From));
    }

    /// <summary>Refuses a run that goes on where <see cref="Take"/> would; takes nothing.</summary>
    /// <exception cref="RunFolderException">The run has trained with the weights, and they are lost or damaged.</exception>
    public void Check(Session session, RunFolder run)
    {
        var frozen = new FrozenParts(run);
        if (frozen.Has(name) || run.HasCheckpoints)
            frozen.Verify(name);
        else if (source.TrainFirst is not null && HasBegun(FirstOf(run)))
            Resumed(session, FirstOf(run));
    }

    /// <summary>Copies the weights into the run, after training them where that is asked for.</summary>
    /// <exception cref="OperationCanceledException">That training was stopped.</exception>
    /// <exception cref="RunFolderException">The run has trained with them, and they are lost.</exception>
    public void Take(Session session, Cohort cohort, RunFolder run, CancellationToken cancellation)
    {
        var frozen = new FrozenParts(run);
        if (frozen.Has(name))
            return;
        if (run.HasCheckpoints)
            frozen.Require(name); // the other run may have gone on: its weights of today need not be those that this one was trained with
        Adopt(frozen, source.From is { } from ? Run(from) : First(session, cohort, run, cancellation));
    }

    /// <summary>Copies the weights of the run that <c>from</c> names.</summary>
    public void Adopt(FrozenParts frozen) => Adopt(
        frozen, Run(source.From ?? throw Refusal($"{source.TrainFirst!.Experiment} is trained first, into a run's own folder; name a run that trained it in {section}.from")));

    private void Adopt(FrozenParts frozen, RunFolder lender)
    {
        RefuseOthers(lender);
        try
        {
            frozen.Adopt(name, lender, component, EvaluationStep.Warn);
        }
        catch (RunFolderException e)
        {
            throw Refusal(e.Message);
        }
    }

    /// <summary>Trains the experiment that is to be trained first, or goes on with it.</summary>
    private RunFolder First(Session session, Cohort cohort, RunFolder run, CancellationToken cancellation)
    {
        var first = source.TrainFirst!;
        if (session.Collective.Size > 1)
            throw Refusal($"{first.Experiment} is trained first, by one process, and here are {session.Collective.Size}; train it by itself and name its run in {section}.from");
        var folder = FirstOf(run);
        Assignment[] sets = [Given("data.synthesize", "null"), Given("data.cohort", JsonSerializer.Serialize(cohort.Folder)), Given("training.device", experiment.Plan.Training.Device)];
        var path = ExperimentFolder.Resolve(first.Experiment);
        var (file, origin) = HasBegun(folder)
            ? Resumed(session, folder, sets)
            : (ExperimentFile.Load(path, sets, first.Profile, PlanReader.EngineRecords), ExperimentOrigin.Of(path, first.Profile, sets));
        var other = Experiment.Load(session, file).From(origin);
        Console.WriteLine($"first: {other.Plan.Id}, whose {component} {experiment.Plan.Id} uses");
        RunStatus status;
        if (Directory.Exists(folder))
            status = TrainingStep.Resume(session, other, RunFolder.Join(folder), cancellation);
        else
            (_, status) = TrainingStep.Start(session, other, folder, cancellation);
        return status.Status == RunState.Completed ? RunFolder.Open(folder) : throw new OperationCanceledException($"{folder} was stopped", cancellation);
    }

    private string FirstOf(RunFolder run) => Path.Combine(run.Path, FirstFolder, name);

    private static bool HasBegun(string first) => Directory.Exists(first) && !RunFolder.HasNotBegun(first);

    /// <summary>The experiment by which what is trained first goes on, by the rules of every run that does.</summary>
    private (MapNode File, ExperimentOrigin? Origin) Resumed(Session session, string folder, params Assignment[] sets) =>
        new ResumedExperiment(session.Registry, RunFolder.Open(folder), ExperimentFolder.Resolve(source.TrainFirst!.Experiment), source.TrainFirst.Profile)
            .Read(sets, sentence => EvaluationStep.Warn($"{Places.Shown(folder)}: {sentence}"));

    /// <summary>A value of what is trained first that this experiment decides.</summary>
    private Assignment Given(string key, string value) => new(key, value, experiment.File.Locate($"{section}.train_first"));

    /// <summary>A run by its folder, or the newest one of an experiment.</summary>
    private RunFolder Run(string from)
    {
        try
        {
            return Directory.Exists(from) ? RunFolder.Open(from) : RunFolders.FindNewest(from) ?? throw Refusal(
                $"there is no run `{from}`: neither such a folder nor one of runs/{from}; train it first (`voxelzoo train {from}`), or name a run's folder");
        }
        catch (RunFolderException e)
        {
            throw Refusal(e.Message);
        }
    }

    /// <summary>Weights of the right shapes may still be of another function: the options must be the same.</summary>
    private void RefuseOthers(RunFolder lender)
    {
        var node = ExperimentFile.Load(lender.Experiment, engineRecords: PlanReader.EngineRecords)[component == "denoiser" ? "architecture" : "compressor"];
        if (node is null)
            throw Refusal($"{lender.Path} is not a run that trained a {component}");
        var use = Binder.PartOf(node).Text;
        if (use != id)
            throw Refusal($"{lender.Path} trained `{use}`, not `{id}`; name another run");
        var theirs = Options(component == "denoiser" ? Binder.BindPart(node, options.GetType()) : Binder.BindPart<LatentOptions>(node, options.GetType()).Options);
        var ours = Options(options);
        // channels in and out are set by what surrounds a denoiser, and checked with the weights
        foreach (var key in ours.Select(option => option.Key).Except(component == "denoiser" ? ["in_channels", "out_channels"] : []))
        {
            if (!JsonNode.DeepEquals(ours[key], theirs[key]))
                throw Refusal($"{lender.Path} was trained with {key} {theirs[key]?.ToJsonString() ?? "null"}, here it is {ours[key]?.ToJsonString() ?? "null"}; use the same options, or another run");
        }
    }

    private static JsonObject Options(object options) => JsonSerializer.SerializeToNode(options, options.GetType(), AtomicFile.Json)!.AsObject();

    private ConfigurationException Refusal(string sentence)
    {
        var node = section.Split('.').Aggregate((Node?)experiment.File, (below, step) => below?[step]);
        return new ConfigurationException((node as MapNode)?.Find("from") is { } entry ? entry.KeyPosition : node?.Position ?? experiment.File.Position, sentence);
    }
}
