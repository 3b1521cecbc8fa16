using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Weights that an experiment uses and another one trained: a compressor, or the denoiser that a ControlNet steers.</summary>
/// <param name="experiment">The experiment that uses them.</param>
/// <param name="section">Where it names them: <c>compressor</c>, <c>condition.compressor</c> or <c>condition.control</c>.</param>
/// <param name="name">What they are to the run: one of the names of <see cref="FrozenParts"/>.</param>
/// <param name="component">The component of the other run's checkpoints.</param>
/// <param name="id">The part that has them.</param>
/// <param name="options">Its options, which must be the other run's.</param>
/// <param name="part">The plugin that it comes from, which must be the other run's too.</param>
/// <param name="source">Where they come from.</param>
internal sealed class BorrowedWeights(
    DiffusionExperiment experiment, string section, string name, string component, string id, object options,
    PartSource part, IWeightSource source)
{
    private readonly ExperimentContext _context = experiment.Context;

    /// <summary>What an experiment borrows.</summary>
    public static IEnumerable<BorrowedWeights> Of(DiffusionExperiment experiment)
    {
        var plan = experiment.Plan;
        if (plan.Compressor.Part.IsLearned)
        {
            var (id, options) = (plan.Compressor.Id, plan.Compressor.Options);
            yield return new(
                experiment, "compressor", FrozenParts.Compressor, Component.Compressor, id, options, plan.Compressor.Source, plan.Latent);
        }

        if (plan.ConditionCompressor is { Part.IsLearned: true } own)
        {
            var (name, component) = (FrozenParts.ConditionCompressor, Component.Compressor);
            yield return new(experiment, "condition.compressor", name, component, own.Id, own.Options, own.Source, plan.ConditionLatent);
        }

        if (plan.Condition.Control is { } control)
        {
            var (id, options) = (plan.Architecture.Id, plan.Architecture.Options);
            yield return new(
                experiment, "condition.control", FrozenParts.Denoiser, Component.Denoiser, id, options, plan.Architecture.Source, control);
        }
    }

    /// <summary>Whether a run has them already, so that it needs the other one no more.</summary>
    public bool IsIn(RunFolder? run) => run is not null && new FrozenParts(run).Has(name);

    /// <summary>Refuses weights that are nowhere, before anything is made.</summary>
    public void Check()
    {
        if (source is { From: null, TrainFirst: null })
            throw Refusal($"`{id}` needs trained weights; set {section}.from to the run that trained them, or to its experiment's id");
        if (source.From is not null)
        {
            try
            {
                RefuseOthers(Run(source.From));
            }
            catch (RunFolderException e)
            {
                throw Refusal(e.Message);
            }
        }
        else if (component == Component.Denoiser
            && _context.Others.Load(FirstOf("")) is DiffusionExperiment { Description.Parameters.Conditioning: > 0 } first)
            throw Conditioned(first.Plan.Id);
    }

    /// <summary>Refuses a run that goes on where <see cref="Take"/> would; takes nothing.</summary>
    /// <exception cref="RunFolderException">The run has trained with the weights, and they are lost or damaged.</exception>
    public void Check(RunFolder run)
    {
        var frozen = new FrozenParts(run);
        if (frozen.Has(name) || run.HasCheckpoints)
            frozen.Verify(name);
        else if (source.TrainFirst is { } first && FirstOf(run, first) is { HasBegun: true } begun)
            _context.Others.Check(begun);
    }

    /// <summary>Copies the weights into the run, after training them where that is asked for.</summary>
    /// <exception cref="OperationCanceledException">That training was stopped.</exception>
    /// <exception cref="RunFolderException">The run has trained with them, and they are lost.</exception>
    public void Take(Cohort cohort, RunFolder run, bool allowChangedData, CancellationToken cancellation)
    {
        var frozen = new FrozenParts(run);
        if (frozen.Has(name))
            return;
        if (run.HasCheckpoints)
            frozen.Require(name); // the other run may have gone on: its weights of today need not be those that this one was trained with
        Adopt(
            frozen,
            source.From is { } from
                ? Run(from)
                : TrainFirst(FirstOf(run, source.TrainFirst!) with { Cohort = cohort.Folder }, allowChangedData, cancellation));
    }

    /// <summary>Copies the weights of the run that <c>from</c> names.</summary>
    public void Adopt(FrozenParts frozen) => Adopt(
        frozen,
        Run(source.From ?? throw Refusal(
            $"{source.TrainFirst!.Experiment} is trained first, into a run's own folder; name a run that trained it in {section}.from")));

    private void Adopt(FrozenParts frozen, RunFolder lender)
    {
        RefuseOthers(lender);
        try
        {
            frozen.Adopt(name, lender, component, _context.Observer.Warned);
        }
        catch (RunFolderException e)
        {
            throw Refusal(e.Message);
        }
    }

    /// <summary>Trains the experiment that is to be trained first, or goes on with it.</summary>
    private RunFolder TrainFirst(FirstTraining first, bool allowChangedData, CancellationToken cancellation)
    {
        if (_context.Collective.Size > 1)
        {
            throw Refusal(
                $"{first.Named.Experiment} is trained first, by one process, and here are {_context.Collective.Size}; "
                + $"train it by itself and name its run in {section}.from");
        }

        var other = _context.Others.Load(first);
        _context.Observer.Told($"first: {other.Plan.Id}, whose {component} {experiment.Plan.Id} uses");
        var status = Directory.Exists(first.Folder)
            ? other.Resume(RunFolder.Join(first.Folder), allowChangedData, cancellation)
            : other.Train(first.Folder, cancellation).Status;
        return status.Status == RunState.Completed
            ? RunFolder.Open(first.Folder)
            : throw new OperationCanceledException($"{first.Folder} was stopped", cancellation);
    }

    private FirstTraining FirstOf(RunFolder run, TrainFirstOptions first) =>
        new(experiment, section, first, Path.Combine(run.Path, RunFolder.FirstName, name));

    /// <summary>What is trained first, before there is a folder for it.</summary>
    private FirstTraining FirstOf(string folder) => new(experiment, section, source.TrainFirst!, folder);

    /// <summary>A denoiser that a network for size bins or omega modulated is another function without it.</summary>
    private PlanException Conditioned(string lender) => Refusal(
        $"{lender} modulates its denoiser by size bins (film) or by what an augmentation told (omega), "
        + "which a ControlNet does not take over: without it the denoiser is another one; steer one that was trained without");

    /// <summary>A run by its folder, or the newest one of an experiment.</summary>
    internal RunFolder Run(string from)
    {
        try
        {
            return _context.Others.FindRun(from) ?? throw Refusal(
                $"there is no run `{from}`: neither such a folder nor one of runs/{from}; "
                + $"train it first (`voxelzoo train {from}`), or name a run's folder");
        }
        catch (RunFolderException e)
        {
            throw Refusal(e.Message);
        }
    }

    /// <summary>
    /// Weights of the right shapes may still be of another function: the options must be the same, but where
    /// a network only begins with them.
    /// </summary>
    internal void RefuseOthers(RunFolder lender, bool anyOptions = false)
    {
        var lent = _context.Others.Find(lender, component == Component.Denoiser ? "architecture" : "compressor", id, options.GetType())
            ?? throw Refusal($"{lender.Path} is not a run that trained a {component}");
        if (lent.Id != id || (lent.Plugin is { } plugin && plugin != part.Plugin))
            throw Refusal(
                $"{lender.Path} trained "
                + $"`{lent.Id}`{(lent.Id == id ? $" of the plugin {lent.Plugin}, not that of {part.Plugin}" : $", not `{id}`")}; "
                + "name another run");
        CheckPlugin(lender);
        if (anyOptions)
            return;
        var (theirs, ours) = (Json(Fitted(lent.Options!)), Json(options));
        // channels in and out are set by what surrounds a denoiser, and checked with the weights
        if (name == FrozenParts.Denoiser && lender.OpenCheckpoint("best", _context.Observer.Warned).Has(Component.Conditioning))
            throw Conditioned(lender.Path);
        string[] fitted = component == Component.Denoiser ? ["in_channels", "out_channels"] : [];
        foreach (var key in ours.Select(option => option.Key).Except(fitted))
        {
            if (!JsonNode.DeepEquals(ours[key], theirs[key]))
            {
                throw Refusal(
                    $"{lender.Path} was trained with {key} {Text(theirs[key])}, here it is {Text(ours[key])}; "
                    + "use the same options, or another run");
            }
        }
    }

    private void CheckPlugin(RunFolder lender)
    {
        try
        {
            RunPlugins.Check(_context, lender, [part]);
        }
        catch (RunFolderException e)
        {
            throw Refusal(e.Message);
        }
    }

    /// <summary>
    /// A denoiser's options with what they leave to the grid and the channels as it is here: the weights tell whether it was so there.
    /// </summary>
    private object Fitted(object theirs)
    {
        if (component != Component.Denoiser)
            return theirs;
        try
        {
            return experiment.Plan.Architecture.Part.Fit(theirs, experiment.Plan.Shape);
        }
        catch (PlanException)
        {
            return theirs; // what was set there and cannot be here is named by the comparison
        }
    }

    private static JsonObject Json(object options) =>
        JsonSerializer.SerializeToNode(options, options.GetType(), AtomicFile.Json)!.AsObject();

    private static string Text(JsonNode? value) => value?.ToJsonString() ?? "null";

    private PlanException Refusal(string sentence) => new PlanException(sentence, "from").In(section);
}
