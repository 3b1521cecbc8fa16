using System.Text.Json;
using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Diffusion.Latents;

/// <summary>
/// Latents that are computed once before training: <c>FOLDER/SPLIT/PATIENT.safetensors</c> and <c>manifest.json</c>, which says of which
/// data and by which compressors. A folder that is of others is refused, never used and never overwritten.
/// </summary>
public sealed class LatentCache
{
    private const string ManifestName = "manifest.json";
    internal const string TargetKey = "target", ConditionKey = "condition", SizeBinsKey = "size_bins";
    private readonly string _folder;
    private readonly LatentSpace _space;
    private readonly PartContext _context;
    private readonly FrozenParts _frozen;
    private readonly NormalizationFile _normalization;

    /// <summary>Names the cache.</summary>
    /// <param name="folder">Where it is or will be.</param>
    /// <param name="space">What latents follow from.</param>
    /// <param name="context">Where the compressors run.</param>
    /// <param name="frozen">The compressors' weights; takes up the statistics.</param>
    public LatentCache(string folder, LatentSpace space, PartContext context, FrozenParts frozen) =>
        (_folder, _space, _context, _frozen, _normalization) = (folder, space, context, frozen, new NormalizationFile(frozen));

    private string ManifestFile => Path.Combine(_folder, ManifestName);

    /// <summary>
    /// The samples to train and validate on, with their latents where they are kept; measures the statistics by which latents are
    /// normalised, on the training split alone, where that was not done before.
    /// </summary>
    /// <param name="cohort">The cohort, for its hashes.</param>
    /// <param name="training">The training split.</param>
    /// <param name="validation">The validation split, or null.</param>
    /// <param name="progress">Called with the number of volumes encoded and in all.</param>
    /// <param name="stop">Ends it between two volumes.</param>
    /// <param name="warn">Called with a sentence for what was damaged and is computed again.</param>
    /// <exception cref="PlanException">The folder holds latents of other data or other compressors.</exception>
    public (IBatchSource Training, IBatchSource? Validation) Prepare(
        Cohort cohort, CohortDataset training, CohortDataset? validation, Action<int, int>? progress = null,
        CancellationToken stop = default, Action<string>? warn = null)
    {
        warn ??= _ => { };
        if (_space.KeepsLatents)
        {
            var key = Key(cohort);
            Verified(key, _ => { }); // refuses what is another's before anything is touched
            using var held = LatentLock.Wait(_folder, ManifestName + ".lock", warn, stop);
            var manifest = Verified(key, warn) is { } found
                ? Repaired(found, training, validation, stop, warn)
                : Build(key, training, validation, progress, stop);
            _normalization.Write(manifest.Statistics, warn);
            return (Source(manifest, Cohort.Train)!, validation is null ? null : Source(manifest, Cohort.Val));
        }

        if ((_space.NormalizesTarget || _space.NormalizesCondition) && !HasStatistics())
        {
            using var codec = LatentCodec.WithoutStatistics(_space, _context, _frozen);
            var moments = new Moments(_space);
            Each(training, 0, training.Count, progress, stop, sample => moments.Add(codec.EncodeRaw(sample.Images)));
            _normalization.Write(moments.Statistics(), warn);
        }

        return (training, validation);
    }

    private bool HasStatistics()
    {
        try
        {
            return _normalization.Read() is { } there
                && !(_space.NormalizesTarget && there.Target is null) && !(_space.NormalizesCondition && there.Condition is null);
        }
        catch (RunFolderException)
        {
            return false; // damaged: writing them again says so
        }
    }

    private const string Plugins = "plugins", PluginBuilds = "plugin_builds";

    /// <summary>Everything on which the latents depend.</summary>
    private JsonObject Key(Cohort cohort)
    {
        var weights = _frozen.List().ToDictionary(part => part.Name, part => part.Sha256);
        var data = JsonSerializer.SerializeToNode(_space.Data, AtomicFile.Json)!.AsObject();
        foreach (var irrelevant in new[]
        {
            "cohort", "synthesize", "latents", "cache_megabytes", "workers", "allow_geometry_mismatch", "merge_labels", "allow_missing",
        })
            data.Remove(irrelevant);
        var key = new JsonObject
        {
            ["data"] = new JsonObject(new[] { Cohort.Train, Cohort.Val }.Select(split =>
                KeyValuePair.Create(split, (JsonNode?)DataFacts.Of(cohort.Of(split), _space.Kinds).Sha256))),
            ["preparation"] = data,
            ["target"] = string.Join('+', _space.Target),
            ["condition"] = string.Join('+', _space.Condition),
            ["compressor"] = Of(_space.Compressor, FrozenParts.Compressor),
            ["condition_compressor"] = _space.ConditionCompressor is null
                ? null
                : Of(_space.ConditionCompressor, FrozenParts.ConditionCompressor),
            ["normalize"] = $"{_space.NormalizesTarget} {_space.NormalizesCondition}",
            [Plugins] = string.Join(", ", Foreigners().Select(source => $"{source.Plugin} {source.Version}")),
        };
        if (Foreigners() is { Count: > 0 } foreigners)
            key[PluginBuilds] = string.Join(", ", foreigners.Select(source => $"{source.Plugin} {BinaryFacts.Of(source).Build}"));
        return key;

        JsonObject Of(PlannedPart<ICompressor> planned, string name) => new()
        {
            ["use"] = planned.Id,
            ["options"] = JsonSerializer.SerializeToNode(planned.Options, planned.Options.GetType(), AtomicFile.Json),
            ["weights"] = weights.GetValueOrDefault(name),
        };
    }

    /// <summary>The compressors' plugins that do not come with the program.</summary>
    private IReadOnlyList<PartSource> Foreigners() =>
    [
        .. new[] { _space.Compressor, _space.ConditionCompressor }.OfType<PlannedPart<ICompressor>>().Select(planned => planned.Source)
            .Where(source => !source.IsOwn).DistinctBy(source => source.Plugin),
    ];

    /// <summary>The manifest of a finished cache of this space, or null where there is no finished one.</summary>
    private LatentManifest? Verified(JsonObject key, Action<string> warn)
    {
        if (!File.Exists(ManifestFile))
        {
            RefuseForeign(_folder);
            if (Directory.Exists(_folder) && Directory.EnumerateDirectories(_folder).Any())
                warn($"{ManifestFile} is not there, and says no more of what the latents beside it are; they are computed anew");
            return null;
        }

        LatentManifest manifest;
        try
        {
            manifest = SealedJson.Read<LatentManifest>(RegularFile.ReadText(ManifestFile));
        }
        catch (JsonException e) when (!Directory.Exists(Path.Combine(_folder, Cohort.Train)))
        {
            // without latents beside it, it could be anybody's file of that name
            throw new PlanException(
                $"{ManifestFile} cannot be read ({JsonFault.Why(e)}); remove the folder, and the latents are computed anew",
                "latents").In("data");
        }
        catch (Exception e) when (e is InvalidDataException or JsonException)
        {
            RefuseOthers(_folder);
            warn($"{ManifestFile} is damaged ({JsonFault.Why(e)}); the latents are computed anew");
            return null;
        }

        var stale = key.Select(field => field.Key).FirstOrDefault(name =>
            !JsonNode.DeepEquals(key[name], manifest.Key[name])
            && (name is not (Plugins or PluginBuilds) || manifest.Key.ContainsKey(name))); // older caches do not
        return stale is null
            ? manifest
            : throw new PlanException(
                $"the latents in {_folder} are stale: "
                + $"their {JsonDifference.Between(stale, manifest.Key[stale], key[stale], "the experiment's")}; "
                + "remove the folder, or name another one in data.latents",
                "latents").In("data");
    }

    /// <summary>Refuses a folder that <see cref="WhyForeign"/> tells of.</summary>
    /// <exception cref="PlanException">It does.</exception>
    public static void RefuseForeign(string folder)
    {
        if (WhyForeign(folder) is { } why)
            throw Foreign(folder, why);
    }

    /// <summary>
    /// Why a folder without a manifest is left alone: it holds anything but what an unfinished cache leaves, or is a
    /// file; null where it can be filled.
    /// </summary>
    public static string? WhyForeign(string folder) =>
        File.Exists(folder) ? "is a file, expected a folder for latents"
        : Directory.Exists(folder) && !File.Exists(Path.Combine(folder, ManifestName)) ? WhyOthers(folder)
        : null;

    private static void RefuseOthers(string folder)
    {
        if (WhyOthers(folder) is { } why)
            throw Foreign(folder, why);
    }

    private static PlanException Foreign(string folder, string why) =>
        new PlanException(
            File.Exists(folder) ? $"{folder} {why}" : $"{folder} {why}; name a new folder in data.latents", "latents").In("data");

    private static string? WhyOthers(string folder)
    {
        var foreign = Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal).FirstOrDefault(entry => !IsOwn(entry));
        return foreign is null
            ? null
            : $"holds {Path.GetFileName(foreign)}, which is none of a folder of latents, and nothing is written into it";

        static bool IsOwn(string entry) => Directory.Exists(entry)
            ? Path.GetFileName(entry) is Cohort.Train or Cohort.Val
                && Directory.EnumerateFileSystemEntries(entry)
                    .All(file => Path.GetFileName(file).Contains(".safetensors", StringComparison.Ordinal))
            : Path.GetFileName(entry).StartsWith(ManifestName, StringComparison.Ordinal);
    }

    private LatentManifest Build(
        JsonObject key, CohortDataset training, CohortDataset? validation, Action<int, int>? progress, CancellationToken stop)
    {
        using var codec = LatentCodec.WithoutStatistics(_space, _context, _frozen);
        var (moments, samples) = (new Moments(_space), new List<LatentSample>());
        var total = training.Count + (validation?.Count ?? 0);
        Each(training, 0, total, progress, stop, sample => moments.Add(Write(codec, Cohort.Train, sample, samples)));
        if (validation is not null)
            Each(validation, training.Count, total, progress, stop, sample => Write(codec, Cohort.Val, sample, samples));
        var manifest = new LatentManifest { Key = key, Statistics = moments.Statistics(), Samples = samples };
        SealedJson.Write(DiskFiles.Instance, ManifestFile, manifest); // last: a folder without it is unfinished, and begun again
        return manifest;
    }

    /// <summary>Encodes again what is not there any more, or not what was written.</summary>
    private LatentManifest Repaired(
        LatentManifest manifest, CohortDataset training, CohortDataset? validation, CancellationToken stop, Action<string> warn)
    {
        var damaged = manifest.Samples.Where(sample => !IsWhole(sample)).ToArray();
        if (damaged.Length == 0)
            return manifest;
        warn(
            $"of the latents in {_folder} {damaged.Length} are missing or damaged "
            + $"({string.Join(", ", damaged.Take(3).Select(sample => $"{sample.Split}/{sample.Patient}"))}"
            + $"{(damaged.Length > 3 ? " …" : "")}); they are computed again");
        var again = new List<LatentSample>();
        using var codec = LatentCodec.WithoutStatistics(_space, _context, _frozen);
        foreach (var sample in damaged)
        {
            stop.ThrowIfCancellationRequested();
            var volumes = sample.Split == Cohort.Train ? training : validation!;
            using var scope = torch.NewDisposeScope();
            using var images = volumes.Load(volumes.Patients.TakeWhile(patient => patient != sample.Patient).Count());
            Write(codec, sample.Split, images, again);
        }

        var repaired = manifest with
        {
            Samples =
            [
                .. manifest.Samples.Select(
                    sample => again.Find(other => (other.Split, other.Patient) == (sample.Split, sample.Patient)) ?? sample),
            ],
        };
        SealedJson.Write(DiskFiles.Instance, ManifestFile, repaired);
        return repaired;
    }

    /// <summary>Whether a sample's file is what was written; of a folder that is older than the hashes, whether it is there.</summary>
    private bool IsWhole(LatentSample sample) =>
        FileOf(sample.Split, sample.Patient) is var file
        && File.Exists(file)
        && (sample.Sha256 is null || FileFacts.Of(file).Sha256 == sample.Sha256);

    private string FileOf(string split, string patient) => Path.Combine(_folder, split, $"{patient}.safetensors");

    private LatentPair Write(LatentCodec codec, string split, Batch sample, List<LatentSample> samples)
    {
        var latents = codec.EncodeRaw(sample.Images);
        Unwritten.Named(_folder, () => Directory.CreateDirectory(Path.Combine(_folder, split)));
        var named = new Dictionary<string, torch.Tensor> { [TargetKey] = latents.Target };
        if (latents.Condition is not null)
            named[ConditionKey] = latents.Condition;
        if (sample.SizeBins is not null)
            named[SizeBinsKey] = sample.SizeBins;
        var file = FileOf(split, sample.Patients[0]);
        AtomicFile.Write(file, stream => SafetensorsFile.Write(stream, named));
        samples.Add(new LatentSample(split, sample.Patients[0], sample.RealSlices[0], FileFacts.Of(file).Sha256));
        return latents;
    }

    private static void Each(
        CohortDataset volumes, int done, int total, Action<int, int>? progress, CancellationToken stop, Action<Batch> use)
    {
        for (var i = 0; i < volumes.Count; i++)
        {
            stop.ThrowIfCancellationRequested();
            using var scope = torch.NewDisposeScope();
            using var sample = volumes.Load(i);
            use(sample);
            progress?.Invoke(done + i + 1, total);
        }
    }

    private LatentSource? Source(LatentManifest manifest, string split) =>
        new(_folder, [.. manifest.Samples.Where(sample => sample.Split == split)]);

    /// <summary>Moments of what is normalised.</summary>
    private sealed class Moments(LatentSpace space)
    {
        private readonly LatentMoments? _target = space.NormalizesTarget ? new() : null;
        private readonly LatentMoments? _condition = space.NormalizesCondition ? new() : null;

        public void Add(LatentPair latents)
        {
            _target?.Add(latents.Target);
            _condition?.Add(latents.Condition!);
        }

        public LatentNormalization Statistics() => new(_target?.Statistics(), _condition?.Statistics());
    }
}

/// <summary>What a folder of latents holds: <c>manifest.json</c>, with the hash of its own values as <c>sha256</c>.</summary>
internal sealed record LatentManifest
{
    /// <summary>Everything on which the latents depend.</summary>
    public required JsonObject Key { get; init; }

    /// <summary>The statistics of the training split.</summary>
    public required LatentNormalization Statistics { get; init; }

    /// <summary>The samples.</summary>
    public required IReadOnlyList<LatentSample> Samples { get; init; }
}

/// <summary>A sample of a folder of latents.</summary>
/// <param name="Split">Its split.</param>
/// <param name="Patient">Its patient, which names its file.</param>
/// <param name="RealSlices">Slices of the volume that are not padding.</param>
/// <param name="Sha256">Hash of its file; null in folders that are older than the hashes.</param>
internal sealed record LatentSample(string Split, string Patient, int RealSlices, string? Sha256 = null);
