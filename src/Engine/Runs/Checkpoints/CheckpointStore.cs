using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using static TorchSharp.torch;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>
/// The checkpoints of a run: <c>step-XXXXXXXX/{denoiser,ema,optimizer}.safetensors + manifest.json</c> and the pointers
/// <c>latest</c> and <c>best</c>. A checkpoint is written to a temporary folder, flushed, and renamed; then the pointer moves.
/// </summary>
public sealed class CheckpointStore
{
    internal const string ManifestName = "manifest.json";

    /// <summary>How often one is looked for that training removes meanwhile, which happens once in many minutes.</summary>
    internal const int MostAttempts = 5;

    /// <summary>Folders that do not count: half written, or about to be removed.</summary>
    private const string Aside = ".tmp-";

    /// <summary>Folders of checkpoints that did not verify.</summary>
    private const string Broken = ".corrupt-";

    /// <summary>How much more room there has to be than the tensors take.</summary>
    private const double Room = 1.2;

    private readonly string _folder;
    private readonly IFiles _files;

    /// <summary>Opens the store. Several may read it; one writes.</summary>
    /// <param name="folder">The run's <c>checkpoints</c> folder; created when missing.</param>
    public CheckpointStore(string folder)
        : this(folder, DiskFiles.Instance)
    {
    }

    internal CheckpointStore(string folder, IFiles files)
    {
        (_folder, _files) = (folder, files);
        files.CreateFolder(folder);
    }

    /// <summary>Whether no checkpoint was ever written here, not even one that is broken now.</summary>
    public bool IsEmpty => !Names().Concat(_files.Folders(_folder, $"{Broken}*")).Any();

    /// <summary>Writes a checkpoint and makes it the latest. What a killed process left half written is removed first.</summary>
    /// <param name="tensors">Tensors by component (<c>denoiser</c>, <c>ema</c>, <c>optimizer</c>) and name; not changed.</param>
    /// <param name="manifest">The manifest, given the facts of the files that were written.</param>
    /// <returns>The checkpoint's name, <c>step-XXXXXXXX</c>.</returns>
    /// <exception cref="IOException">There is no room for it, or writing failed; what was the latest still is.</exception>
    public string Save(
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, Tensor>> tensors,
        Func<IReadOnlyDictionary<string, FileFacts>, CheckpointManifest> manifest)
    {
        RemoveAside(); // not when the store is opened: a reader would take the writer's folder away
        RefuseWithoutRoom(tensors.Values.SelectMany(named => named.Values).Sum(tensor => tensor.numel() * tensor.element_size()));
        var temporary = NewAside();
        return Unwritten.Named(_folder, () => SaveBeside(temporary, tensors, manifest), temporary);
    }

    private string SaveBeside(
        string temporary,
        IReadOnlyDictionary<string, IReadOnlyDictionary<string, Tensor>> tensors,
        Func<IReadOnlyDictionary<string, FileFacts>, CheckpointManifest> manifest)
    {
        _files.CreateFolder(temporary);
        try
        {
            var files = new SortedDictionary<string, FileFacts>(StringComparer.Ordinal);
            foreach (var (component, named) in tensors)
                files[$"{component}.safetensors"] = Write(Path.Combine(temporary, $"{component}.safetensors"), named);
            var written = manifest(files);
            SealedJson.Write(_files, Path.Combine(temporary, ManifestName), written);
            var name = NameOf(written);
            if (_files.HasFolder(In(name)))
                _files.RenameFolder(In(name), NewAside()); // the same step again, after a resume
            _files.RenameFolder(temporary, In(name));
            _files.FlushFolder(_folder);
            Point("latest", name);
            return name;
        }
        catch (Exception)
        {
            if (_files.HasFolder(temporary))
                _files.DeleteFolder(temporary);
            throw;
        }
    }

    /// <summary>Takes files of weights in as a checkpoint of an empty store, as they are; it is the latest and the best.</summary>
    /// <param name="weights">The files, named by their components.</param>
    /// <param name="manifest">The manifest, given the facts of the files.</param>
    internal void Adopt(IReadOnlyList<string> weights, Func<IReadOnlyDictionary<string, FileFacts>, CheckpointManifest> manifest)
    {
        var written = manifest(weights.ToDictionary(file => Path.GetFileName(file), FileFacts.Of));
        var name = NameOf(written);
        _files.CreateFolder(In(name));
        foreach (var file in weights)
        {
            using var from = RegularFile.OpenRead(file);
            AtomicFile.Write(Path.Combine(In(name), Path.GetFileName(file)), from.CopyTo);
        }

        SealedJson.Write(_files, Path.Combine(In(name), ManifestName), written);
        Point("latest", name);
        Point(EvaluatedOptions.Best, name);
    }

    private static string NameOf(CheckpointManifest manifest) => $"step-{manifest.Position.Step:D8}";

    /// <summary>Whether there is such a pointer, wherever it leads.</summary>
    public bool Has(string pointer) => _files.HasFile(In(pointer));

    /// <summary>Moves a pointer, <c>latest</c>, <c>best</c> or <c>best_generation</c>, to a checkpoint.</summary>
    public void Point(string pointer, string name) => AtomicFile.WriteText(_files, In(pointer), name + "\n");

    /// <summary>
    /// Makes a checkpoint the latest again, with another manifest for the same tensors, and removes those of later steps.
    /// </summary>
    public void ReturnTo(Checkpoint checkpoint, CheckpointManifest manifest)
    {
        SealedJson.Write(_files, Path.Combine(checkpoint.Folder, ManifestName), manifest);
        Point("latest", checkpoint.Name);
        if (IsLater(EvaluatedOptions.BestGeneration, checkpoint))
            _files.Delete(In(EvaluatedOptions.BestGeneration));
        Remove(Names().Where(name => string.CompareOrdinal(name, checkpoint.Name) > 0));
    }

    /// <summary>Whether a pointer leads to a checkpoint of a later step.</summary>
    public bool IsLater(string pointer, Checkpoint checkpoint) => string.CompareOrdinal(Pointed(pointer), checkpoint.Name) > 0;

    /// <summary>Removes old checkpoints; what a pointer names stays.</summary>
    /// <param name="keep">How many of the latest stay.</param>
    /// <param name="keepEvery">Those whose step is a multiple of it stay too; 0 for none.</param>
    public void Prune(int keep, long keepEvery = 0)
    {
        var pointed = new[] { Pointed("latest"), Pointed("best"), Pointed(EvaluatedOptions.BestGeneration) };
        Remove(Names().SkipLast(keep).Where(name => !pointed.Contains(name) && !(keepEvery > 0 && StepOf(name) % keepEvery == 0)));
    }

    /// <summary>
    /// Opens the checkpoint that <paramref name="pointer"/> names; if it is damaged, the newest other one that verifies. Changes nothing.
    /// </summary>
    /// <param name="pointer"><c>latest</c> or <c>best</c>.</param>
    /// <param name="damage">Called with a sentence for each checkpoint that was passed over.</param>
    /// <returns>The checkpoint, or null where there is none that verifies.</returns>
    public Checkpoint? Open(string pointer, Action<string> damage) => Find(pointer, damage, _ => "");

    /// <summary>
    /// The same for the one who writes here: what is broken is set aside as <c>.corrupt-step-XXXXXXXX</c>, so that nobody tries it again.
    /// </summary>
    /// <param name="pointer"><c>latest</c> or <c>best</c>.</param>
    /// <param name="damage">Called with a sentence for each checkpoint that was passed over.</param>
    public Checkpoint? Recover(string pointer, Action<string> damage) => Find(pointer, damage, Quarantine);

    /// <summary>
    /// Hashes of the experiments by which the checkpoints were trained, as far as their manifests can be read; their tensors are not.
    /// </summary>
    public IReadOnlySet<string> Experiments()
    {
        HashSet<string> found = [];
        foreach (var name in Names())
        {
            try
            {
                using var json = new StreamReader(_files.Open(Path.Combine(In(name), ManifestName)));
                found.Add(Manifest(json.ReadToEnd()).Experiment);
            }
            catch (Exception e) when (e is InvalidDataException or JsonException or IOException or UnauthorizedAccessException)
            {
                // whoever opens the checkpoint says so
            }
        }

        return found;
    }

    private Checkpoint? Find(string pointer, Action<string> damage, Func<string, string> broken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (found, removed) = Find(pointer, damage, broken, patient: attempt < MostAttempts);
            if (!removed)
                return found;
        }
    }

    /// <summary>Looks once.</summary>
    /// <returns>
    /// What was found, and whether the training that goes on here removed a checkpoint under the eyes, so that pointers have moved.
    /// </returns>
    private (Checkpoint? Found, bool Removed) Find(string pointer, Action<string> damage, Func<string, string> broken, bool patient)
    {
        var (pointed, names) = (Pointed(pointer), Names().Reverse().ToArray());
        if (pointed is not null && !names.Contains(pointed))
        {
            if (patient && Pointed(pointer) != pointed)
                return (null, true);
            damage($"{pointer} names the checkpoint '{pointed}', which is not there; looking for the newest one");
        }

        foreach (var name in names.OrderBy(name => name != pointed))
        {
            try
            {
                var found = Verified(In(name));
                // a run that was never validated has no best one, and misses none
                if (pointed is null && (pointer != "best" || found.Manifest.Best is not null))
                    damage($"the pointer {pointer} is not there; taking {name}, the newest checkpoint");
                return (found, false);
            }
            catch (IOException) when (patient && !_files.HasFolder(In(name)))
            {
                return (null, true);
            }
            catch (Exception e) when (e is InvalidDataException or JsonException or FileNotFoundException)
            {
                damage($"checkpoint {name} is damaged ({JsonFault.Why(e)}){broken(name)}, so it is passed over");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                damage($"checkpoint {name} cannot be read ({e.Message}), so it is passed over");
            }
        }

        return (null, false);
    }

    private Checkpoint Verified(string folder)
    {
        using var json = new StreamReader(_files.Open(Path.Combine(folder, ManifestName)));
        var manifest = Manifest(json.ReadToEnd());
        if (manifest.Format != CheckpointManifest.CurrentFormat)
            throw new NotSupportedException(
                $"its layout is version {manifest.Format}, this program reads version {CheckpointManifest.CurrentFormat}");
        foreach (var (file, expected) in manifest.Files)
        {
            using var stream = _files.Open(Path.Combine(folder, file));
            if (FileFacts.Of(stream) != expected)
                throw new InvalidDataException($"{file} is not the file that its manifest describes");
        }

        return new Checkpoint(folder, manifest);
    }

    private static CheckpointManifest Manifest(string text)
    {
        try
        {
            return SealedJson.Read<CheckpointManifest>(text);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"its manifest was changed: {e.Message}");
        }
    }

    private string Quarantine(string name)
    {
        var (quarantined, more) = ($"{Broken}{name}", 1);
        while (_files.HasFolder(In(quarantined)))
            quarantined = $"{Broken}{name}-{++more}";
        try
        {
            _files.RenameFolder(In(name), In(quarantined));
            return $" and kept as {quarantined}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return ""; // then it is passed over again next time
        }
    }

    private void RefuseWithoutRoom(long bytes)
    {
        var free = _files.Free(_folder);
        if (free < Room * bytes)
            throw new IOException(string.Create(
                CultureInfo.InvariantCulture,
                $"a checkpoint takes {ByteCount.Shown(bytes)} and {_folder} has {ByteCount.Shown(free)} free, "
                + $"less than {Room} times as much; make room"));
    }

    private FileFacts Write(string path, IReadOnlyDictionary<string, Tensor> named)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var bytes = AtomicFile.WriteNew(_files, path, stream => SafetensorsFile.Write(stream, named), hash);
        return new FileFacts(bytes, Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    /// <summary>Removes checkpoints so that a kill leaves none of them in halves.</summary>
    private void Remove(IEnumerable<string> names)
    {
        foreach (var name in names.ToArray())
            _files.RenameFolder(In(name), NewAside());
        RemoveAside();
    }

    private void RemoveAside()
    {
        foreach (var name in _files.Folders(_folder, $"{Aside}*"))
            _files.DeleteFolder(In(name));
    }

    private string NewAside() => In($"{Aside}{Environment.ProcessId}-{Guid.NewGuid():N}");

    private string? Pointed(string pointer)
    {
        if (!_files.HasFile(In(pointer)))
            return null;
        try
        {
            using var reader = new StreamReader(_files.Open(In(pointer)));
            return reader.ReadToEnd().Trim();
        }
        catch (FileNotFoundException)
        {
            return null; // a link that leads nowhere is as good as none, and said to be
        }
    }

    private string In(string name) => Path.Combine(_folder, name);

    /// <summary>The names of all checkpoints, from the first on.</summary>
    internal IReadOnlyList<string> Names() => [.. _files.Folders(_folder, "step-*").Order(StringComparer.Ordinal)];

    /// <summary>Opens one checkpoint and no other.</summary>
    /// <returns>The checkpoint, or why it cannot be read.</returns>
    internal (Checkpoint? Found, string Why) OpenExactly(string name)
    {
        try
        {
            return (Verified(In(name)), "");
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            return (null, JsonFault.Why(e));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return (null, e.Message);
        }
    }

    /// <summary>The step that a checkpoint's name tells, or null where it is none's.</summary>
    internal static long? StepOf(string name) =>
        name.StartsWith("step-", StringComparison.Ordinal)
        && long.TryParse(name.AsSpan("step-".Length), NumberStyles.None, CultureInfo.InvariantCulture, out var step)
            ? step
            : null;
}
