using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>A run's model with the weights of one of its checkpoints: the moving average where there is one.</summary>
public sealed class TrainedModel : IDisposable
{
    private readonly ChosenAverage? _average;

    private TrainedModel(RunFolder run, DiffusionModel model, Checkpoint checkpoint, string weights, ChosenAverage? average) =>
        (Run, Model, Checkpoint, Weights, _average, CheckpointSha256) =
        (run, model, checkpoint, weights, average, FileFacts.Hash(Path.Combine(checkpoint.Folder, CheckpointStore.ManifestName)));

    /// <summary>The run.</summary>
    public RunFolder Run { get; }

    /// <summary>The model, in evaluation mode.</summary>
    public DiffusionModel Model { get; }

    /// <summary>The checkpoint that its weights are from.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>
    /// The component that was loaded: <c>ema</c> or <c>denoiser</c>, with a ControlNet <c>control_ema</c> or <c>control</c>, with an
    /// adapter <c>adapter_ema</c> or <c>adapter</c>.
    /// </summary>
    public string Weights { get; }

    /// <summary>SHA-256 of the file of weights; of an average that was put together, of what it is made of.</summary>
    public string Sha256 => _average?.Sha256 ?? Checkpoint.Manifest.Files[$"{Weights}.safetensors"].Sha256;

    /// <summary>The weaker model that its predictions are guided away from, where sampling names one; goes with it.</summary>
    public TrainedModel? Weaker { get; internal set; }

    /// <summary>
    /// How plugins differ from those that its run was trained with, where that was allowed; of a weaker model's run, as the run that is
    /// sampled is looked at by itself.
    /// </summary>
    public IReadOnlyList<PluginChange> ChangedPlugins { get; internal set; } = [];

    /// <summary>Those of the run that is sampled, with those of the weaker model's.</summary>
    internal IReadOnlyList<PluginChange> With(IReadOnlyList<PluginChange> own) => [.. own.Union(Weaker?.ChangedPlugins ?? [])];

    /// <summary>
    /// SHA-256 of the checkpoint's manifest, which holds those of all its files. Training may have removed the checkpoint by now.
    /// </summary>
    public string CheckpointSha256 { get; }

    /// <summary>Loads a run's model.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="context">Where the model is to be.</param>
    /// <param name="pointer"><c>best</c> or <c>latest</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">There is no checkpoint that verifies.</exception>
    public static TrainedModel Load(RunFolder run, ExperimentPlan plan, PartContext context, string pointer, Action<string> warn) =>
        run.UseCheckpoint(pointer, warn, checkpoint => Load(run, plan, context, checkpoint));

    /// <summary>Loads a run's model of a checkpoint that was opened before.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="context">Where the model is to be.</param>
    /// <param name="checkpoint">One of the run's.</param>
    /// <param name="emaLength">Length of the average that is to be loaded; null for the moving average where there is one.</param>
    /// <param name="warn">Called where that average is not quite the one that was asked for.</param>
    /// <exception cref="RunFolderException">No average of such a length can be put together.</exception>
    public static TrainedModel Load(
        RunFolder run,
        ExperimentPlan plan,
        PartContext context,
        Checkpoint checkpoint,
        double? emaLength = null,
        Action<string>? warn = null)
    {
        var model = DiffusionModel.Create(plan, context, new FrozenParts(run));
        var average = emaLength is { } length ? new ChosenAverage(run, checkpoint, length) : null;
        try
        {
            foreach (var (component, module) in model.Trained())
            {
                if (average is not null)
                {
                    average.Load(component, module, warn);
                    RequireFinite(module, Path.Combine(checkpoint.Folder, average.Name));
                    continue;
                }

                var taken = checkpoint.Used(component);
                using var file = checkpoint.Read(taken);
                Tensors.Weights.Load(module, file, checkpoint.File(taken));
                RequireFinite(module, checkpoint.File(taken));
            }

            model.Merge();
            model.Train(on: false);
            var weights = average?.Name ?? checkpoint.Used(model.Trained().First().Component);
            return new TrainedModel(run, model, checkpoint, weights, average);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Refuses weights of a training that diverged, for all that they make is no number.</summary>
    private static void RequireFinite(TorchSharp.torch.nn.Module module, string source)
    {
        foreach (var (name, parameter) in module.named_parameters())
        {
            if (FiniteValues.Complaint(parameter) is { } complaint)
                throw new RunFolderException(
                    $"{source}: of `{name}`, {complaint}: training diverged there; "
                    + "name another checkpoint, or train anew with a lower learning_rate");
        }
    }

    /// <summary>Frees the model, and the weaker one.</summary>
    public void Dispose()
    {
        Model.Dispose();
        Weaker?.Dispose();
    }
}
