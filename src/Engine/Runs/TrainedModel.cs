using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Checkpoints;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Runs;

/// <summary>A run's model with the weights of one of its checkpoints: the moving average where there is one.</summary>
public sealed class TrainedModel : IDisposable
{
    private TrainedModel(DiffusionModel model, Checkpoint checkpoint, string weights) =>
        (Model, Checkpoint, Weights) = (model, checkpoint, weights);

    /// <summary>The model, in evaluation mode.</summary>
    public DiffusionModel Model { get; }

    /// <summary>The checkpoint that its weights are from.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>The component that was loaded: <c>ema</c> or <c>denoiser</c>.</summary>
    public string Weights { get; }

    /// <summary>SHA-256 of the file of weights.</summary>
    public string Sha256 => Checkpoint.Manifest.Files[$"{Weights}.safetensors"].Sha256;

    /// <summary>Loads a run's model.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="context">Where the model is to be.</param>
    /// <param name="pointer"><c>best</c> or <c>latest</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">There is no checkpoint that verifies.</exception>
    public static TrainedModel Load(RunFolder run, ExperimentPlan plan, PartContext context, string pointer, Action<string> warn)
    {
        if (!Directory.Exists(run.Checkpoints) || new CheckpointStore(run.Checkpoints).Open(pointer, warn) is not { } checkpoint)
            throw new RunFolderException($"{run.Path} has no checkpoint that can be read; train it first");
        var weights = checkpoint.Has("ema") ? "ema" : "denoiser";
        var model = DiffusionModel.Create(plan, context);
        try
        {
            using var file = checkpoint.Read(weights);
            Tensors.Weights.Load(model.Denoiser, file, checkpoint.File(weights));
            model.Denoiser.eval();
            return new TrainedModel(model, checkpoint, weights);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>Frees the model.</summary>
    public void Dispose() => Model.Dispose();
}
