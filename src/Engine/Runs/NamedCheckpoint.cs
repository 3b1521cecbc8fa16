using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Runs;

/// <summary>A checkpoint with all the names that led to it when it was opened.</summary>
/// <param name="Names"><c>best</c>, <c>latest</c>, <c>best_generation</c>, its own, or several of them.</param>
/// <param name="Checkpoint">The checkpoint.</param>
public sealed record NamedCheckpoint(IReadOnlyList<string> Names, Checkpoint Checkpoint)
{
    /// <summary>Opens a run's checkpoints; one to which several names lead is there once.</summary>
    /// <param name="run">The run.</param>
    /// <param name="names">Some of <c>best</c>, <c>latest</c>, <c>best_generation</c> and <c>step-XXXXXXXX</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">There is no checkpoint that verifies.</exception>
    public static IReadOnlyList<NamedCheckpoint> Open(RunFolder run, IReadOnlyList<string> names, Action<string> warn) =>
    [
        .. names.Select(name => (Name: name, Checkpoint: run.OpenNamedCheckpoint(name, warn)))
            .GroupBy(opened => opened.Checkpoint.Name)
            .Select(same => new NamedCheckpoint([.. same.Select(opened => opened.Name)], same.First().Checkpoint)),
    ];

    /// <summary>
    /// Reads it as a whole. A training that goes on may have removed it since it was opened, because it has a better or a later one: then
    /// that is read, saying so.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <param name="read">Reads it.</param>
    /// <exception cref="RunFolderException">It is gone, and there is no other that verifies.</exception>
    public T Use<T>(RunFolder run, Action<string> warn, Func<Checkpoint, T> read)
    {
        try
        {
            return read(Checkpoint);
        }
        catch (IOException) when (!Directory.Exists(Checkpoint.Folder))
        {
            warn($"training removed {Checkpoint.Name} meanwhile; taking what is {Names[0]} now");
            return run.UseCheckpoint(Names[0], warn, read);
        }
    }
}
