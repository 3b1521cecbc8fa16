using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Diffusion.Rejection;

/// <summary>
/// A run's folder <c>diffrs</c>: the discriminator's weights, what they are, and while it is trained the generated latents.
/// </summary>
internal sealed class DiscriminatorFolder(RunFolder run)
{
    public const string ManifestName = "discriminator.json";

    public string Path => run.Discriminator;

    public string Weights => System.IO.Path.Combine(Path, "discriminator.safetensors");

    private string Manifest => System.IO.Path.Combine(Path, ManifestName);

    private string Generated => System.IO.Path.Combine(Path, "generated");

    /// <summary>
    /// Keeps other processes from training the run's discriminator until the lock is disposed or this process ends, however it ends.
    /// </summary>
    /// <exception cref="RunFolderException">Another process trains it, or the run cannot be written.</exception>
    // beside the folder, which is begun anew
    public IDisposable Lock() => run.Hold(System.IO.Path.Combine(run.Path, "diffrs.lock"), "given a discriminator");

    /// <summary>An empty folder. Without a manifest it holds no discriminator, until training has ended.</summary>
    public void Begin()
    {
        Unwritten.Named(Path, () =>
        {
            if (Directory.Exists(Path))
                Directory.Delete(Path, recursive: true);
            Directory.CreateDirectory(Generated);
        });
    }

    /// <summary>Keeps a generated latent.</summary>
    public void WriteGenerated(int index, Tensor latent) => 
        AtomicFile.Write(
            GeneratedFile(index), stream => SafetensorsFile.Write(stream, new Dictionary<string, Tensor> { ["latent"] = latent }));

    /// <summary>A latent that was generated; the caller disposes it.</summary>
    public NamedTensors ReadGenerated(int index) => SafetensorsFile.Read(GeneratedFile(index));

    /// <summary>Replaces the weights.</summary>
    public FileFacts WriteWeights(nn.Module head)
    {
        AtomicFile.Write(Weights, stream => SafetensorsFile.Write(stream, Tensors.Weights.Of(head)));
        return FileFacts.Of(Weights);
    }

    /// <summary>Makes the folder a discriminator, and frees the room of the generated latents.</summary>
    public void End(DiscriminatorManifest manifest)
    {
        SealedJson.Write(DiskFiles.Instance, Manifest, manifest);
        Directory.Delete(Generated, recursive: true);
    }

    /// <summary>What the discriminator is.</summary>
    /// <exception cref="RunFolderException">There is none, or its manifest or weights are damaged.</exception>
    public DiscriminatorManifest Read()
    {
        var remedy = $"train it: `voxelzoo train-diffrs {run.Path}`";
        var manifest = RunFile.ReadSealed<DiscriminatorManifest>(Manifest, remedy);
        return manifest is not null && File.Exists(Weights)
            ? manifest
            : throw new RunFolderException($"{run.Path} has no discriminator, by whose judgement diffrs rejects; {remedy}");
    }

    private string GeneratedFile(int index) => System.IO.Path.Combine(Generated, $"{index:D5}.safetensors");
}
