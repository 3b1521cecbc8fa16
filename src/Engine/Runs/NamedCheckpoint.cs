using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Runs;

/// <summary>A checkpoint with all the names that lead to it.</summary>
/// <param name="Names"><c>best</c>, <c>latest</c>, <c>best_generation</c>, or several of them.</param>
/// <param name="Checkpoint">The checkpoint.</param>
public sealed record NamedCheckpoint(IReadOnlyList<string> Names, Checkpoint Checkpoint)
{
    /// <summary>Opens a run's checkpoints; one to which several names lead is there once.</summary>
    /// <param name="run">The run.</param>
    /// <param name="names">Some of <c>best</c>, <c>latest</c> and <c>best_generation</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">There is no checkpoint that verifies.</exception>
    public static IReadOnlyList<NamedCheckpoint> Open(RunFolder run, IReadOnlyList<string> names, Action<string> warn) =>
    [
        .. names.Select(name => (Name: name, Checkpoint: run.OpenCheckpoint(name, warn)))
            .GroupBy(opened => opened.Checkpoint.Name)
            .Select(same => new NamedCheckpoint([.. same.Select(opened => opened.Name)], same.First().Checkpoint)),
    ];
}
