using System.Security.Cryptography;
using System.Text.Json;
using static TorchSharp.torch;
using VoxelZoo.Engine.Files;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Checkpoints;

/// <summary>
/// The checkpoints of a run: <c>step-XXXXXXXX/{denoiser,ema,optimizer}.safetensors + manifest.json</c> and the pointers
/// <c>latest</c> and <c>best</c>. A checkpoint is written to a temporary folder, flushed, and renamed; then the pointer moves.
/// </summary>
public sealed class CheckpointStore
{
    private const string ManifestName = "manifest.json";
    private readonly string _folder;

    /// <summary>Opens the store. Several may read it; one writes.</summary>
    /// <param name="folder">The run's <c>checkpoints</c> folder; created when missing.</param>
    public CheckpointStore(string folder)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
    }

    /// <summary>Writes a checkpoint and makes it the latest. What a killed process left half written is removed first.</summary>
    /// <param name="tensors">Tensors by component (<c>denoiser</c>, <c>ema</c>, <c>optimizer</c>) and name; not changed.</param>
    /// <param name="manifest">The manifest, given the facts of the files that were written.</param>
    /// <returns>The checkpoint's name, <c>step-XXXXXXXX</c>.</returns>
    public string Save(
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, Tensor>> tensors,
        Func<IReadOnlyDictionary<string, FileFacts>, CheckpointManifest> manifest)
    {
        foreach (var half in Directory.EnumerateDirectories(_folder, ".tmp-*"))
            Directory.Delete(half, recursive: true); // not when the store is opened: a reader would take the writer's folder away
        var temporary = Path.Combine(_folder, $".tmp-{Environment.ProcessId}-{Guid.NewGuid():N}");
        Directory.CreateDirectory(temporary);
        try
        {
            var files = new SortedDictionary<string, FileFacts>(StringComparer.Ordinal);
            foreach (var (component, named) in tensors)
            {
                var file = $"{component}.safetensors";
                SafetensorsFile.Write(Path.Combine(temporary, file), named);
                files[file] = Facts(Path.Combine(temporary, file));
            }

            var written = manifest(files);
            AtomicFile.WriteJson(Path.Combine(temporary, ManifestName), written);
            var name = $"step-{written.Position.Step:D8}";
            var target = Path.Combine(_folder, name);
            if (Directory.Exists(target))
                Directory.Delete(target, recursive: true); // the same step again, after a resume
            Directory.Move(temporary, target);
            DurableDirectory.Flush(_folder);
            Point("latest", name);
            return name;
        }
        catch
        {
            if (Directory.Exists(temporary))
                Directory.Delete(temporary, recursive: true);
            throw;
        }
    }

    /// <summary>Moves a pointer, <c>latest</c> or <c>best</c>, to a checkpoint.</summary>
    public void Point(string pointer, string name) => AtomicFile.WriteText(Path.Combine(_folder, pointer), name + "\n");

    /// <summary>Makes a checkpoint the latest again, with another manifest for the same tensors, and removes those of later steps.</summary>
    public void ReturnTo(Checkpoint checkpoint, CheckpointManifest manifest)
    {
        AtomicFile.WriteJson(Path.Combine(checkpoint.Folder, ManifestName), manifest);
        Point("latest", checkpoint.Name);
        foreach (var name in Names().Where(name => string.CompareOrdinal(name, checkpoint.Name) > 0).ToArray())
            Directory.Delete(Path.Combine(_folder, name), recursive: true);
    }

    /// <summary>Removes old checkpoints; what a pointer names stays.</summary>
    /// <param name="keep">How many of the latest stay.</param>
    public void Prune(int keep)
    {
        var pointed = new[] { Pointed("latest"), Pointed("best") };
        foreach (var name in Names().SkipLast(keep).Where(name => !pointed.Contains(name)))
            Directory.Delete(Path.Combine(_folder, name), recursive: true);
    }

    /// <summary>Opens the checkpoint that <paramref name="pointer"/> names; if it is damaged, the newest other one that verifies.</summary>
    /// <param name="pointer"><c>latest</c> or <c>best</c>.</param>
    /// <param name="damage">Called with a sentence for each checkpoint that was passed over.</param>
    /// <returns>The checkpoint, or null where there is none that verifies.</returns>
    public Checkpoint? Open(string pointer, Action<string> damage)
    {
        var (pointed, names) = (Pointed(pointer), Names().Reverse().ToArray());
        if (pointed is not null && !names.Contains(pointed))
            damage($"{pointer} names the checkpoint '{pointed}', which is not there; looking for the newest one");
        foreach (var name in names.OrderBy(name => name != pointed))
        {
            try
            {
                return Verified(Path.Combine(_folder, name));
            }
            catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException or JsonException)
            {
                damage($"checkpoint {name} is damaged ({e.Message}); looking for another one");
            }
        }

        return null;
    }

    private static Checkpoint Verified(string folder)
    {
        var manifest = JsonSerializer.Deserialize<CheckpointManifest>(File.ReadAllText(Path.Combine(folder, ManifestName)), AtomicFile.Json)
            ?? throw new InvalidDataException("its manifest is empty");
        if (manifest.Format != CheckpointManifest.CurrentFormat)
            throw new InvalidDataException($"its layout is version {manifest.Format}, this program reads version {CheckpointManifest.CurrentFormat}");
        foreach (var (file, expected) in manifest.Files)
        {
            var facts = Facts(Path.Combine(folder, file));
            if (facts != expected)
                throw new InvalidDataException($"{file} is not the file that its manifest describes");
        }

        return new Checkpoint(folder, manifest);
    }

    internal static FileFacts Facts(string path)
    {
        using var stream = File.OpenRead(path);
        return new FileFacts(stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
    }

    private string? Pointed(string pointer)
    {
        var file = Path.Combine(_folder, pointer);
        return File.Exists(file) ? File.ReadAllText(file).Trim() : null;
    }

    private IEnumerable<string> Names() =>
        Directory.EnumerateDirectories(_folder, "step-*").Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal);
}
