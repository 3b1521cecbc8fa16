using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>A checkpoint whose files match its manifest.</summary>
/// <param name="Folder">Its folder.</param>
/// <param name="Manifest">Its manifest.</param>
public sealed record Checkpoint(string Folder, CheckpointManifest Manifest)
{
    /// <summary>The checkpoint's name, <c>step-XXXXXXXX</c>.</summary>
    public string Name => Path.GetFileName(Folder);

    /// <summary>Whether it holds the component.</summary>
    public bool Has(string component) => Manifest.Files.ContainsKey($"{component}.safetensors");

    /// <summary>What is used of a component after training: its moving average where there is one.</summary>
    public string Used(string component) => Component.AverageOf(component) is var average && Has(average) ? average : component;

    /// <summary>Path of a component's tensors.</summary>
    public string File(string component) => Path.Combine(Folder, $"{component}.safetensors");

    /// <summary>Reads a component's tensors; the caller disposes them.</summary>
    /// <exception cref="InvalidDataException">It holds no such component.</exception>
    public NamedTensors Read(string component) => Has(component)
        ? SafetensorsFile.Read(File(component))
        : throw new InvalidDataException(
            $"{Folder} holds no {component}, only {string.Join(", ", Manifest.Files.Keys)}; it is of another plan");
}
