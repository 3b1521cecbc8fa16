using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Runs;

/// <summary>What a run took over of other weights before its first step: <c>frozen/start.json</c>, and in <c>provenance.json</c>.</summary>
public sealed record StartRecord
{
    /// <summary>The run, the animal or the file that they are of.</summary>
    public required string From { get; init; }

    /// <summary>The run's checkpoint; empty for a file.</summary>
    public required string Checkpoint { get; init; }

    /// <summary>The component, such as <c>ema</c>.</summary>
    public required string Component { get; init; }

    /// <summary>SHA-256 of the file of the denoiser's weights.</summary>
    public required string Sha256 { get; init; }

    /// <summary>What became of the tensors of each module.</summary>
    public required IReadOnlyDictionary<string, StartedModule> Modules { get; init; }

    /// <summary>That of a run, or null where it took nothing over.</summary>
    public static StartRecord? Read(FrozenParts frozen) =>
        RunFile.ReadJson<StartRecord>(Place(frozen), "remove it; the weights are those of frozen.json");

    internal void Write(FrozenParts frozen)
    {
        Unwritten.Named(frozen.Folder, () => Directory.CreateDirectory(frozen.Folder));
        AtomicFile.WriteJson(Place(frozen), this);
    }

    private static string Place(FrozenParts frozen) => Path.Combine(frozen.Folder, "start.json");
}

/// <summary>What became of the tensors of a module that began with other weights.</summary>
public sealed record StartedModule
{
    /// <summary>Its tensors.</summary>
    public required int Tensors { get; init; }

    /// <summary>Numbers in them.</summary>
    public required long Numbers { get; init; }

    /// <summary>Those that were taken as they are.</summary>
    public required int Taken { get; init; }

    /// <summary>Numbers in these.</summary>
    public required long TakenNumbers { get; init; }

    /// <summary>Those of which some input channels were taken, and which; the others start at zero.</summary>
    public IReadOnlyList<string> Widened { get; init; } = [];

    /// <summary>Those that began with fresh weights.</summary>
    public IReadOnlyList<string> Fresh { get; init; } = [];

    /// <summary>Those of the other weights that have no place here.</summary>
    public IReadOnlyList<string> Left { get; init; } = [];
}
