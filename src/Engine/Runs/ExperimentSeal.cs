using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs;

/// <summary>
/// What a run's <c>experiment.yaml</c> was when training wrote it, <c>experiment.seal.json</c>: by a file that was changed since, the
/// weights would be taken for those of another experiment.
/// </summary>
public static class ExperimentSeal
{
    /// <summary>
    /// Writes a run's <c>experiment.yaml</c>. Whatever kills the process, the file that is there then is one that is recorded.
    /// </summary>
    internal static void Write(RunFolder run, string text)
    {
        var before = File.Exists(run.Experiment) ? HashOf(run) : null;
        Record(run, text, before);
        AtomicFile.WriteText(run.Experiment, text);
        if (before is not null)
            Record(run, text, null);
    }

    /// <summary>Refuses a run whose <c>experiment.yaml</c> is not what training wrote.</summary>
    /// <param name="run">The run; one that has no such file yet is as it was.</param>
    /// <param name="warn">
    /// Called with a sentence where the run is of before it was recorded, and its checkpoints are of another file.
    /// </param>
    /// <exception cref="RunFolderException">The file was changed, or what was recorded of it is damaged.</exception>
    public static void Check(RunFolder run, Action<string>? warn = null)
    {
        if (!File.Exists(run.Experiment))
            return;
        if (Read(run) is null)
            CompareWithCheckpoints(run, warn);
        else if (!IsRecorded(run) && !IsRecorded(run)) // once more: the process that trains it may have written both between the two looks
        {
            throw new RunFolderException(
                $"{run.Experiment} was changed since the run trained by it, so it no longer says what the weights are of; "
                + "put it back as it was, "
                    + "and change values by --set or in the experiment that you train from, or train anew into another folder with --run");
        }
    }

    private static bool IsRecorded(RunFolder run)
    {
        var hash = HashOf(run);
        return Read(run)?.Experiment.Contains(hash) ?? false;
    }

    // a run that was killed after it was continued with other values has checkpoints of the file before, so this is no reason to refuse it
    private static void CompareWithCheckpoints(RunFolder run, Action<string>? warn)
    {
        if (warn is null || !run.HasCheckpoints
            || new CheckpointStore(run.Checkpoints).Experiments() is not { Count: > 0 } trained || trained.Contains(HashOf(run)))
            return;
        warn($"{run.Experiment} is not the file that the run's checkpoints were trained by, "
            + $"and the run has no {Path.GetFileName(run.Seal)} that would say whether training wrote it; it is taken as it is");
    }

    private static SealedExperiment? Read(RunFolder run)
    {
        if (!File.Exists(run.Seal))
            return null;
        try
        {
            return SealedJson.Read<SealedExperiment>(RegularFile.ReadText(run.Seal));
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            throw new RunFolderException(
                $"{run.Seal} cannot be read ({JsonFault.Why(e)}); put it back, or remove it, "
                + "and experiment.yaml is compared with what the checkpoints say of it");
        }
    }

    private static void Record(RunFolder run, string text, string? before)
    {
        var now = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        SealedJson.Write(DiskFiles.Instance, run.Seal, new SealedExperiment(before is null || before == now ? [now] : [before, now]));
    }

    /// <summary>SHA-256 of a run's <c>experiment.yaml</c>, as the manifests of checkpoints have it too.</summary>
    internal static string HashOf(RunFolder run) => FileFacts.Hash(run.Experiment);

    /// <summary>What the file holds.</summary>
    /// <param name="Experiment">SHA-256 of the file; of the one before too, while it is replaced.</param>
    private sealed record SealedExperiment(IReadOnlyList<string> Experiment);
}
