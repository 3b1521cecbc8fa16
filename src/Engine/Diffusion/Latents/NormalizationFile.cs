using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Diffusion.Latents;

/// <summary>The statistics by which a run's latents are normalised: <c>latents.json</c> beside its frozen parts.</summary>
/// <param name="frozen">The run's frozen parts.</param>
public sealed class NormalizationFile(FrozenParts frozen)
{
    /// <summary>The file's name.</summary>
    internal const string Name = "latents.json";

    private string Statistics => Path.Combine(frozen.Folder, Name);

    /// <summary>The statistics, or null where they were not written yet.</summary>
    /// <exception cref="RunFolderException">They are damaged.</exception>
    public LatentNormalization? Read()
    {
        try
        {
            return File.Exists(Statistics) ? SealedJson.Read<LatentNormalization>(RegularFile.ReadText(Statistics)) : null;
        }
        catch (Exception e) when (e is JsonException or InvalidDataException)
        {
            throw new RunFolderException(
                $"{Statistics} cannot be read ({JsonFault.Why(e)}); restore it, or let `train --resume` compute it again");
        }
    }

    /// <summary>What is said where there are no statistics.</summary>
    internal RunFolderException Missing() => new(
        $"{Statistics} is not there, or without what the latents are normalised by; restore it, or let `train --resume` compute it again");

    /// <summary>Writes the statistics, unless they are there.</summary>
    /// <param name="normalization">The statistics.</param>
    /// <param name="warn">Called with a sentence where others were there, or where a run has trained with some that are lost.</param>
    public void Write(LatentNormalization normalization, Action<string>? warn = null)
    {
        Unwritten.Named(frozen.Folder, () => Directory.CreateDirectory(frozen.Folder));
        var text = SealedJson.Text(normalization);
        if (File.Exists(Statistics) && RegularFile.ReadText(Statistics) == text)
            return;
        if (IsDamaged(normalization))
            warn?.Invoke($"{Statistics} was damaged and is written again");
        else if (frozen.AreTrainedWith && !File.Exists(Statistics))
            warn?.Invoke($"{Statistics} was not there any more, though the run has trained with it, and is written again");
        AtomicFile.WriteText(Statistics, text);
    }

    /// <summary>Whether statistics are there and not these. Those of a file without a hash may be the same in other words.</summary>
    private bool IsDamaged(LatentNormalization normalization)
    {
        try
        {
            return Read() is { } there && SealedJson.Text(there) != SealedJson.Text(normalization);
        }
        catch (RunFolderException)
        {
            return true;
        }
    }
}
