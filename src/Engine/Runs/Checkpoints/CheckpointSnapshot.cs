using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>What a checkpoint is to hold, copied to the CPU's memory: a thread may write it while the tensors themselves change.</summary>
internal sealed class CheckpointSnapshot : IDisposable
{
    private readonly Dictionary<string, IReadOnlyDictionary<string, Tensor>> _tensors = [];
    private readonly CheckpointManifest _manifest;

    /// <summary>Copies tensors.</summary>
    /// <param name="components">Tensors by component and name; they stay the caller's.</param>
    /// <param name="manifest">The manifest, still without the facts of the files.</param>
    public CheckpointSnapshot(
        IEnumerable<KeyValuePair<string, IReadOnlyDictionary<string, Tensor>>> components, CheckpointManifest manifest)
    {
        _manifest = manifest;
        using var noGradient = torch.no_grad();
        foreach (var (component, named) in components)
            _tensors[component] = named.ToDictionary(tensor => tensor.Key, tensor => Copy(tensor.Value));
    }

    /// <summary>Where training stood.</summary>
    public TrainingPosition Position => _manifest.Position;

    /// <summary>Writes the checkpoint and makes it the latest.</summary>
    /// <returns>Its name.</returns>
    /// <inheritdoc cref="CheckpointStore.Save"/>
    public string Write(CheckpointStore store) => store.Save(_tensors, files => _manifest with { Files = files });

    /// <summary>Frees the copies.</summary>
    public void Dispose()
    {
        foreach (var tensor in _tensors.Values.SelectMany(named => named.Values))
            tensor.Dispose();
    }

    private static Tensor Copy(Tensor tensor)
    {
        using var scope = torch.NewDisposeScope();
        return (tensor.device_type == DeviceType.CPU ? tensor.detach().clone() : tensor.detach().cpu()).DetachFromDisposeScope();
    }
}
