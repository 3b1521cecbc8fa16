using System.Text.Json.Serialization;
using TorchSharp;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs;

/// <summary>
/// What a run uses and does not change, copied into its folder <c>frozen</c> so that it needs no other run any more: trained compressors, a
/// denoiser that is steered, the statistics of the latents. Each with where it came from and its hash, in <c>frozen.json</c>.
/// </summary>
public sealed class FrozenParts
{
    /// <summary>The target's compressor.</summary>
    public const string Compressor = "compressor";

    /// <summary>The condition's compressor, where it is another one.</summary>
    public const string ConditionCompressor = "condition_compressor";

    /// <summary>The denoiser that a ControlNet steers.</summary>
    public const string Denoiser = "denoiser";

    /// <summary>The denoiser's weights that training starts from.</summary>
    public const string Start = "start";

    /// <summary>Those of the network that modulates it.</summary>
    public const string StartConditioning = "start_conditioning";

    /// <summary>Those that a component's moving average starts from.</summary>
    public static string StartAverageOf(string start) => $"{start}_average";

    /// <summary>What the moments of a component's optimiser start from.</summary>
    public static string StartOptimizerOf(string start) => $"{start}_optimizer";

    private readonly RunFolder? _run;

    /// <summary>The parts in a run's folder; there may be none.</summary>
    public FrozenParts(RunFolder run)
        : this(run.Frozen) => _run = run;

    /// <summary>The parts in a folder of their own.</summary>
    public FrozenParts(string folder) => Folder = folder;

    /// <summary>The folder, which need not be there.</summary>
    public string Folder { get; }

    /// <summary>Whether a run has trained with them, so that what is not there was lost.</summary>
    internal bool AreTrainedWith => _run is { HasCheckpoints: true };

    private string Index => Path.Combine(Folder, "frozen.json");

    /// <summary>What is there.</summary>
    public IReadOnlyList<FrozenPart> List() => Read<FrozenPart[]>(Index) ?? [];

    /// <summary>Copies a part's weights from the best checkpoint of another run: the moving average where there is one.</summary>
    /// <param name="name">One of the names above.</param>
    /// <param name="source">The other run.</param>
    /// <param name="component">The component of its checkpoints: <c>compressor</c> or <c>denoiser</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">The other run has no checkpoint with such weights that verifies.</exception>
    public void Adopt(string name, RunFolder source, string component, Action<string> warn)
    {
        var checkpoint = source.OpenCheckpoint("best", warn);
        if (!checkpoint.Has(component))
            throw new RunFolderException(
                $"{source.Path} is not a run that trained a {component}: "
                + $"its checkpoints hold {string.Join(", ", checkpoint.Manifest.Files.Keys)}");
        var taken = checkpoint.Used(component);
        Copy(name, source.Path, checkpoint.Name, taken, checkpoint.File(taken));
    }

    /// <summary>Copies a file of weights.</summary>
    /// <param name="name">One of the names above.</param>
    /// <param name="source">The run that trained them, or the file itself.</param>
    /// <param name="checkpoint">The run's checkpoint; empty for a file.</param>
    /// <param name="component">What they are there.</param>
    /// <param name="file">The file.</param>
    internal void Copy(string name, string source, string checkpoint, string component, string file)
    {
        using var from = RegularFile.OpenRead(file);
        Add(name, source, checkpoint, component, from.CopyTo);
    }

    /// <summary>Writes some weights of another file.</summary>
    /// <inheritdoc cref="Copy"/>
    internal void Write(
        string name, string source, string checkpoint, string component, IReadOnlyDictionary<string, torch.Tensor> weights) =>
        Add(name, source, checkpoint, component, stream => SafetensorsFile.Write(stream, weights));

    private void Add(string name, string source, string checkpoint, string component, Action<Stream> write)
    {
        Unwritten.Named(Folder, () => Directory.CreateDirectory(Folder));
        AtomicFile.Write(WeightsOf(name), write);
        var facts = FileFacts.Of(WeightsOf(name));
        var part = new FrozenPart(name, source, checkpoint, component, facts.Bytes, facts.Sha256);
        AtomicFile.WriteJson(Index, List().Where(p => p.Name != name).Append(part).ToArray());
    }

    /// <summary>Whether a part was taken over.</summary>
    public bool Has(string name) => List().Any(part => part.Name == name);

    /// <summary>What says where a part's weights are from.</summary>
    /// <exception cref="RunFolderException">It was not taken over, or that was lost.</exception>
    public FrozenPart Require(string name) => List().FirstOrDefault(part => part.Name == name)
        ?? throw new RunFolderException(
            $"{Index} {(File.Exists(Index) ? $"names no {name}" : $"is not there, and says no more where the {name} is from")}, "
            + "without which the run's network is another one; restore it, or start the run anew");

    /// <summary>The file of a part's weights.</summary>
    /// <exception cref="RunFolderException">There are no such weights, or not those that were copied.</exception>
    public string Verify(string name)
    {
        var (part, file) = (Require(name), WeightsOf(name));
        if (!File.Exists(file))
            throw new RunFolderException($"{file} is not there, which {Index} describes; restore it, or start the run anew");
        return FileFacts.Of(file) == new FileFacts(part.Bytes, part.Sha256)
            ? file
            : throw new RunFolderException($"{file} is not the file that {Index} describes; restore it, or start the run anew");
    }

    /// <summary>A part's tensors; the caller disposes them.</summary>
    /// <exception cref="RunFolderException">There are no such weights, or not those that were copied.</exception>
    public NamedTensors Read(string name) => SafetensorsFile.Read(Verify(name));

    /// <summary>Loads a part's weights.</summary>
    /// <exception cref="RunFolderException">There are no such weights, or not those that were copied.</exception>
    /// <exception cref="InvalidDataException">They are another module's.</exception>
    public void Load(string name, torch.nn.Module module)
    {
        var file = Verify(name);
        using var weights = SafetensorsFile.Read(file);
        Weights.Load(module, weights, file);
    }

    /// <summary>Loads those weights that a part has; the others of the module stay as they are.</summary>
    /// <inheritdoc cref="Load"/>
    public void LoadPart(string name, torch.nn.Module module)
    {
        var file = Verify(name);
        using var weights = SafetensorsFile.Read(file);
        Weights.LoadPart(module, weights, file);
    }

    private string WeightsOf(string name) => Path.Combine(Folder, $"{name}.safetensors");

    private static T? Read<T>(string path)
        where T : class => RunFile.ReadJson<T>(path, "restore it, or start the run anew");
}

/// <summary>Weights that a run took over.</summary>
/// <param name="Name">What they are to this run.</param>
/// <param name="Run">The run that trained them.</param>
/// <param name="Checkpoint">Its checkpoint.</param>
/// <param name="Component">The component: <c>ema</c>, <c>compressor</c> or <c>denoiser</c>.</param>
/// <param name="Bytes">Size of the file.</param>
/// <param name="Sha256">Hash of the file.</param>
public sealed record FrozenPart(string Name, string Run, string Checkpoint, string Component, long Bytes, string Sha256)
{
    /// <summary>Steps that the checkpoint's name tells.</summary>
    [JsonIgnore]
    internal long Step =>
        CheckpointStore.StepOf(Checkpoint)
        ?? throw new RunFolderException(
            $"{Name} is of {Origin}, which does not say after how many steps; restore it, or start the run anew");

    /// <summary>Where they are from, in words.</summary>
    [JsonIgnore]
    public string Origin => Checkpoint.Length == 0 ? Run : $"{Run}, {Checkpoint}, {Component}";
}
