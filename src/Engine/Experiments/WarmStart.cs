using System.Text.Json;
using System.Text.Json.Nodes;
using static TorchSharp.torch;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// Weights that training starts from, <c>training.from</c>: of another run, or of a file. They are copied into the run, which needs neither
/// any more. A network whose weights do not depend on the grid may start from one that was trained at another resolution.
/// </summary>
internal sealed class WarmStart
{
    private readonly DiffusionExperiment _experiment;
    private readonly TrainingOptions _options;
    private readonly BorrowedWeights _lent;

    private WarmStart(DiffusionExperiment experiment)
    {
        (_experiment, _options) = (experiment, experiment.Plan.Training);
        var architecture = experiment.Plan.Architecture;
        _lent = new BorrowedWeights(
            experiment, "training", FrozenParts.Start, Component.Denoiser, architecture.Id, architecture.Options, architecture.Source,
            new ControlNetOptions { From = _options.From });
    }

    /// <summary>An experiment's, or null where its weights are fresh.</summary>
    public static WarmStart? Of(DiffusionExperiment experiment) => experiment.Plan.Training.From is null ? null : new(experiment);

    /// <inheritdoc cref="BorrowedWeights.IsIn"/>
    public bool IsIn(RunFolder? run) => _lent.IsIn(run);

    /// <summary>Refuses weights that are nowhere, or of another network, before anything is made.</summary>
    public void Check()
    {
        using var model = _experiment.OnMeta();
        foreach (var part in Taken(model.Conditioning is not null, _ => { }))
        {
            if (ModuleOf(part, model) is not { } module)
                continue;
            Read(part, weights => Matched(module, weights, part).Dispose());
        }
    }

    /// <summary>Refuses a run that goes on where <see cref="Take"/> would; takes nothing.</summary>
    public void Check(RunFolder run)
    {
        if (new FrozenParts(run) is var frozen && (frozen.Has(FrozenParts.Start) || run.HasCheckpoints))
            frozen.Verify(FrozenParts.Start);
    }

    /// <summary>Copies them into the run, once.</summary>
    public void Take(RunFolder run)
    {
        var frozen = new FrozenParts(run);
        if (frozen.Has(FrozenParts.Start))
            return;
        if (run.HasCheckpoints)
            frozen.Require(FrozenParts.Start);
        using var model = _experiment.OnMeta();
        var parts = Taken(model.Conditioning is not null, _experiment.Context.Observer.Warned);
        var modules = new SortedDictionary<string, StartedModule>(StringComparer.Ordinal);
        // the denoiser's last: where it is there, all are
        foreach (var part in parts.Reverse())
        {
            if (ModuleOf(part, model) is { } module)
                Read(part, weights => Keep(module, weights, part));
            else
                frozen.Copy(part.Name, part.Source, part.Checkpoint, part.Component, part.File);
        }

        _experiment.Context.Observer.Told($"starts from {frozen.Require(FrozenParts.Start).Origin}");
        _experiment.Context.Observer.Started(RecordOf(parts[0], modules));
        WarnOfStrategy();

        void Keep(nn.Module module, IReadOnlyDictionary<string, Tensor> weights, Part part)
        {
            using var matched = Matched(module, weights, part);
            modules[part.Module] = matched.Outcome;
            if (part.Name == FrozenParts.Start)
                RecordOf(part, modules).Write(frozen);
            if (_options.FromTensors == StartingTensors.Matching || part.Base is not null)
                frozen.Write(part.Name, part.Source, part.Checkpoint, part.Component, matched.Taken);
            else
                frozen.Copy(part.Name, part.Source, part.Checkpoint, part.Component, part.File);
        }
    }

    /// <summary>Lends a part's weights: those of its file, or with the change that its file holds those of its base.</summary>
    private static void Read(Part part, Action<IReadOnlyDictionary<string, Tensor>> use)
    {
        using var tensors = Read(part.File);
        if (part.Base is not { } changed)
        {
            use(tensors);
            return;
        }

        using var scope = NewDisposeScope();
        using var weights = Read(changed.File);
        use(LoraAdapter.Merged(weights, tensors, changed.Options));
    }

    private static NamedTensors Read(string file)
    {
        try
        {
            return SafetensorsFile.Read(file);
        }
        catch (InvalidDataException e)
        {
            throw Refusal($"{e.Message.TrimEnd('.')}; take the weights from where they came from");
        }
    }

    private static StartRecord RecordOf(Part part, IReadOnlyDictionary<string, StartedModule> modules) =>
        new()
        {
            From = part.Source,
            Checkpoint = part.Checkpoint,
            Component = part.Component,
            Sha256 = FileFacts.Of(part.File).Sha256,
            Modules = modules,
        };

    private static nn.Module? ModuleOf(Part part, DiffusionModel model) => part.Module switch
    {
        Component.Denoiser => model.Denoiser,
        Component.Conditioning => model.Conditioning,
        _ => null,
    };

    /// <summary>What is taken of some weights.</summary>
    /// <exception cref="Abstractions.PlanException">They are of another network.</exception>
    private MatchedTensors Matched(nn.Module module, IReadOnlyDictionary<string, Tensor> weights, Part part)
    {
        try
        {
            if (_options.FromTensors == StartingTensors.Strict)
                Weights.Load(module, weights, part.File);
        }
        catch (InvalidDataException e)
        {
            throw Refusal(
                $"{e.Message}; start from a network of the same options, and where its weights depend on the grid of the same size, "
                + "or take what fits with from_tensors: matching (--matching)");
        }

        var matched = MatchedTensors.Of(module, weights, part.Module == Component.Denoiser ? Channels(part) : new InputChannels([], 0));
        if (matched.Taken.Count > 0)
            return matched;
        matched.Dispose();
        throw Refusal(
            $"nothing in {part.File} has the name and the shape of a tensor of the {part.Module}; "
            + $"name weights of `{_experiment.Plan.Architecture.Id}`");
    }

    private InputChannels Channels(Part part) =>
        part.Checkpoint.Length > 0 && _experiment.Context.Others.PlanOf(_lent.Run(_options.From!)) is ExperimentPlan theirs
            ? InputChannels.Named(_experiment.Plan.InputChannels, theirs.InputChannels)
            : InputChannels.Appended(_experiment.Plan.Shape.InputChannels);

    private IReadOnlyList<Part> Taken(bool conditioned, Action<string> warn)
    {
        if (!IsFile && File.Exists(_options.From))
            throw Refusal(
                $"{_options.From} is a file and none of safetensors; name a run's folder, an experiment's id, "
                + "or a .safetensors file of a denoiser's weights");
        return IsFile ? [OfFile(conditioned, warn)] : [.. OfRun(conditioned, warn)];
    }

    private bool IsFile => _options.From!.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);

    private Part OfFile(bool conditioned, Action<string> warn)
    {
        var file = _options.From!;
        if (!File.Exists(file))
            throw Refusal(
                $"there is no file `{file}`; name a safetensors file of a denoiser's weights, a run's folder, or an experiment's id");
        if (_options.FromOptimizer || _options.FromWeights != StartingWeights.Average || _options.FromCheckpoint != "best")
            throw Refusal(
                $"{file} holds weights alone; from_checkpoint, from_weights and from_optimizer choose among those of a run, "
                + "so remove them or name a run");
        if (conditioned)
            warn($"{file} is of the denoiser alone; what modulates it (size bins, omega) starts with fresh weights");
        return new Part(FrozenParts.Start, Component.Denoiser, Path.GetFileNameWithoutExtension(file), file, file, "");
    }

    private IEnumerable<Part> OfRun(bool conditioned, Action<string> warn)
    {
        var lender = _lent.Run(_options.From!);
        Checkpoint checkpoint;
        try
        {
            _lent.RefuseOthers(lender, anyOptions: _options.FromTensors == StartingTensors.Matching);
            checkpoint = lender.OpenCheckpoint(_options.FromCheckpoint, warn);
        }
        catch (RunFolderException e)
        {
            throw Refusal(e.Message);
        }

        var changed = ChangedBy(checkpoint, lender);
        if (changed is not null && (_options.FromOptimizer || _options.FromWeights == StartingWeights.Both))
            throw Refusal(
                $"{lender.Path} trained a low-rank change (training.lora), whose moments and average are of its factors; "
                + "take the weights alone that it makes, without from_optimizer and from_weights: both");
        if (changed is null && !checkpoint.Has(Component.Denoiser))
            throw Refusal(
                $"{lender.Path} is not a run that trained a denoiser: "
                + $"its checkpoints hold {string.Join(", ", checkpoint.Manifest.Files.Keys)}");
        if (checkpoint.Has(Component.Conditioning) && !conditioned)
            throw Refusal(
                $"{lender.Path} modulates its denoiser by size bins (film) or by what an augmentation told (omega), "
                + "and nothing here would; condition and augment alike, or name another run");
        if (!checkpoint.Has(Component.Conditioning) && conditioned)
            warn($"nothing modulates the denoiser of {lender.Path}; what does so here (size bins, omega) starts with fresh weights");
        (string Name, string Module, string Component)[] modules =
        [
            (FrozenParts.Start, Component.Denoiser, changed is null ? Component.Denoiser : Component.Adapter),
            (FrozenParts.StartConditioning, Component.Conditioning, Component.Conditioning),
        ];
        foreach (var (name, module, component) in modules.Where(one => checkpoint.Has(one.Component)))
        {
            var weights = _options.FromWeights == StartingWeights.Average ? checkpoint.Used(component) : component;
            yield return new Part(name, module, weights, checkpoint.File(weights), lender.Path, checkpoint.Name)
            {
                Base = component == Component.Adapter ? changed : null,
            };
            if (_options.FromWeights == StartingWeights.Both)
                yield return Beside(FrozenParts.StartAverageOf(name), Component.AverageOf(component));
            if (_options.FromOptimizer)
                yield return Beside(FrozenParts.StartOptimizerOf(name), Component.OptimizerOf(component));

            Part Beside(string start, string beside) => checkpoint.Has(beside)
                ? new Part(start, "", beside, checkpoint.File(beside), lender.Path, checkpoint.Name)
                : throw Refusal(
                    $"{checkpoint.Name} of {lender.Path} has no {beside}, only {string.Join(", ", checkpoint.Manifest.Files.Keys)}; "
                    + "take its weights alone");
        }
    }

    private AdaptedBase? ChangedBy(Checkpoint checkpoint, RunFolder lender)
    {
        try
        {
            return AdaptedBase.Of(lender, checkpoint, _experiment.Context.Others.PlanOf);
        }
        catch (RunFolderException e)
        {
            throw Refusal(e.Message);
        }
    }

    /// <summary>The same weights under another strategy predict something else, so that the loss begins elsewhere.</summary>
    private void WarnOfStrategy()
    {
        var ours = _experiment.Plan.Strategy;
        if (IsFile
            || _experiment.Context.Others.Find(_lent.Run(_options.From!), "strategy", ours.Id, ours.Options.GetType()) is not { } theirs)
            return;
        if (theirs.Id != ours.Id || !JsonNode.DeepEquals(Json(theirs.Options!), Json(ours.Options)))
            _experiment.Context.Observer.Warned(
                $"{_options.From} was trained with another strategy ({theirs.Id}{(theirs.Id == ours.Id ? " with other options" : "")}), "
                + "so the loss does not begin where that run's ended");
    }

    private static JsonNode Json(object options) => JsonSerializer.SerializeToNode(options, options.GetType(), AtomicFile.Json)!;

    private static Abstractions.PlanException Refusal(string sentence) => new Abstractions.PlanException(sentence, "from").In("training");

    /// <summary>A file that is taken.</summary>
    /// <param name="Name">What it is to the run.</param>
    /// <param name="Module">The module whose weights it has; empty for moments and averages.</param>
    /// <param name="Component">What it is there.</param>
    /// <param name="File">The file.</param>
    /// <param name="Source">The run, or the file.</param>
    /// <param name="Checkpoint">The run's checkpoint.</param>
    private sealed record Part(string Name, string Module, string Component, string File, string Source, string Checkpoint)
    {
        /// <summary>Where the file holds a low-rank change, what that is of.</summary>
        public AdaptedBase? Base { get; init; }
    }
}
