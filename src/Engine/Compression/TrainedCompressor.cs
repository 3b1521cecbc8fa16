using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Compression;

/// <summary>A run's compressor with the weights of one of its checkpoints: the moving average where there is one.</summary>
public sealed class TrainedCompressor : IDisposable
{
    private TrainedCompressor(CompressionModel model, Checkpoint checkpoint, string weights) =>
        (Model, Checkpoint, Weights) = (model, checkpoint, weights);

    /// <summary>The model, in evaluation mode.</summary>
    public CompressionModel Model { get; }

    /// <summary>The checkpoint that its weights are from.</summary>
    public Checkpoint Checkpoint { get; }

    /// <summary>The component that was loaded: <c>ema</c> or <c>compressor</c>.</summary>
    public string Weights { get; }

    /// <summary>SHA-256 of the file of weights.</summary>
    public string Sha256 => Checkpoint.Manifest.Files[$"{Weights}.safetensors"].Sha256;

    /// <summary>Loads a run's compressor.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="context">Where the compressor is to be.</param>
    /// <param name="pointer"><c>best</c> or <c>latest</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">There is no checkpoint that verifies.</exception>
    public static TrainedCompressor Load(RunFolder run, CompressionPlan plan, PartContext context, string pointer, Action<string> warn) =>
        Load(plan, context, run.OpenNamedCheckpoint(pointer, warn));

    /// <summary>Loads the compressor of a checkpoint that was opened before.</summary>
    /// <param name="plan">The run's plan.</param>
    /// <param name="context">Where the compressor is to be.</param>
    /// <param name="checkpoint">One of the run's.</param>
    public static TrainedCompressor Load(CompressionPlan plan, PartContext context, Checkpoint checkpoint)
    {
        var weights = checkpoint.Used(Component.Compressor);
        var model = CompressionModel.Create(plan, context);
        try
        {
            using var file = checkpoint.Read(weights);
            Tensors.Weights.Load(model.Compressor, file, checkpoint.File(weights));
            model.Compressor.eval();
            return new TrainedCompressor(model, checkpoint, weights);
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
