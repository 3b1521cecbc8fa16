using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Runs;

/// <summary>Opens the checkpoints of a run.</summary>
public static class RunCheckpoints
{
    /// <summary>A checkpoint of the run; where the one that is asked for is damaged, the newest other one that verifies.</summary>
    /// <param name="run">The run.</param>
    /// <param name="pointer"><c>best</c>, <c>latest</c> or <c>best_generation</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">There is no checkpoint that verifies, or the run never had one of that name.</exception>
    public static Checkpoint OpenCheckpoint(this RunFolder run, string pointer, Action<string> warn)
    {
        string? first = null;
        var store = !Directory.Exists(run.Checkpoints) ? null : new CheckpointStore(run.Checkpoints);
        if (pointer == EvaluatedOptions.BestGeneration && store is { IsEmpty: false } && !store.Has(pointer))
            throw new RunFolderException(
                $"{run.Path} has no checkpoint {pointer}: its training measured no generated volumes (training.generation), "
                + "or none with success; name best or latest");
        var found = store?.Open(pointer, sentence =>
        {
            first ??= sentence;
            warn(sentence);
        });
        return found
            ?? throw new RunFolderException(
                $"{run.Path} has no checkpoint that can be read; "
                + $"{(first is null ? "train it first" : $"restore what it lost ({first}), or use another run")}");
    }

    /// <summary>
    /// Reads a checkpoint as a whole. Training may remove it meanwhile, because it has a better or a later one: then that is read.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="name"><c>best</c>, <c>latest</c>, <c>best_generation</c> or <c>step-XXXXXXXX</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <param name="read">Reads it.</param>
    /// <exception cref="RunFolderException">There is no checkpoint that verifies, or the run never had one of that name.</exception>
    internal static T UseCheckpoint<T>(this RunFolder run, string name, Action<string> warn, Func<Checkpoint, T> read)
    {
        for (var attempt = 1; ; attempt++)
        {
            var checkpoint = run.OpenNamedCheckpoint(name, warn);
            try
            {
                return read(checkpoint);
            }
            catch (IOException) when (attempt < CheckpointStore.MostAttempts && !Directory.Exists(checkpoint.Folder))
            {
                // the next one
            }
        }
    }

    /// <summary>Opens the checkpoint that a pointer names, or the one of a name of its own.</summary>
    /// <param name="run">The run.</param>
    /// <param name="name"><c>best</c>, <c>latest</c> or <c>step-XXXXXXXX</c>.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over, where a pointer was given.</param>
    /// <exception cref="RunFolderException">There is none such that verifies.</exception>
    public static Checkpoint OpenNamedCheckpoint(this RunFolder run, string name, Action<string> warn)
    {
        if (!name.StartsWith("step-", StringComparison.Ordinal))
            return run.OpenCheckpoint(name, warn);
        if (!run.CheckpointNames().Contains(name))
            throw new RunFolderException(
                $"{run.Path} has no checkpoint {name}{Spelling.Suggestion(name, run.CheckpointNames())} (it has "
                + $"{string.Join(", ", run.CheckpointNames().DefaultIfEmpty("none"))})");
        return new CheckpointStore(run.Checkpoints).OpenExactly(name) is var (found, why) && found is not null
            ? found
            : throw new RunFolderException($"the checkpoint {name} of {run.Path} cannot be read ({why}); name another one, or restore it");
    }

    /// <summary>The names of its checkpoints, from the first on.</summary>
    public static IReadOnlyList<string> CheckpointNames(this RunFolder run) =>
        Directory.Exists(run.Checkpoints) ? new CheckpointStore(run.Checkpoints).Names() : [];

    /// <summary>The checkpoint from which the run goes on, or null for one that was ended before its first. Changes nothing.</summary>
    /// <param name="run">The run.</param>
    /// <param name="warn">Called with a sentence for each checkpoint that had to be passed over.</param>
    /// <exception cref="RunFolderException">There are checkpoints, and none of them verifies.</exception>
    public static Checkpoint? FindLatest(this RunFolder run, Action<string> warn) =>
        !run.HasCheckpoints ? null : new CheckpointStore(run.Checkpoints).Open("latest", warn) ?? throw run.WithoutReadable();

    /// <summary>What is said where no checkpoint can be read.</summary>
    internal static RunFolderException WithoutReadable(this RunFolder run) =>
        new(
            $"{run.Path} has checkpoints and none of them can be read, so it cannot be continued; "
            + "train anew into another folder with --run");
}
