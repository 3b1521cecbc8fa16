using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Runs;

/// <summary>What a run was made with: <c>provenance.json</c>.</summary>
public sealed record Provenance
{
    /// <summary>The program and its libraries, with versions and hashes.</summary>
    public required IReadOnlyList<BinaryFacts> Binaries { get; init; }

    /// <summary>The plugins that the plan uses, with versions and hashes.</summary>
    public required IReadOnlyList<BinaryFacts> Plugins { get; init; }

    /// <summary>SHA-256 over the names and contents of every volume that the plan reads, by split.</summary>
    public required IReadOnlyDictionary<string, DataFacts> Data { get; init; }

    /// <summary>Where the volumes lie; null in runs of before it was recorded.</summary>
    public CohortPlace? Cohort { get; init; }

    /// <summary>
    /// SHA-256 of the cohort's <c>cohort.json</c>, which says how the volumes were imported. Null for a cohort that was not.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? CohortSheet { get; init; }

    /// <summary>
    /// The intensities of each kind of image that <c>cohort.json</c> has become 0 and 1, null for a file's own; missing where training does
    /// not read it.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, IntensitySpan?>? Spans { get; init; }

    /// <summary>
    /// What was found of the volumes that was no reason to refuse them: patients that are left out, labels that are merged and the like.
    /// </summary>
    public IReadOnlyList<CohortFinding> Findings { get; init; } = [];

    /// <summary>Segments that went on with other data (<c>--allow-changed-data</c>); <see cref="Data"/> is that of the last one.</summary>
    public IReadOnlyList<ChangedData> ChangedData { get; init; } = [];

    /// <summary>
    /// Segments that went on with other plugins (<c>--allow-changed-plugin</c>); <see cref="Plugins"/> are those of the last one.
    /// </summary>
    public IReadOnlyList<ChangedPlugins> ChangedPlugins { get; init; } = [];

    /// <summary>What of other weights training began with; missing where all were fresh.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public StartRecord? Start { get; init; }

    /// <summary>SHA-256 of every other file that the plan reads, such as a perceptual network, by path.</summary>
    public IReadOnlyDictionary<string, string> Files { get; init; } = new Dictionary<string, string>();

    /// <summary>Commit of the working directory's git repository, or null.</summary>
    public string? GitCommit { get; init; }

    /// <summary>Operating system and architecture.</summary>
    public required string System { get; init; }

    /// <summary>.NET version.</summary>
    public required string Runtime { get; init; }

    /// <summary>What of libtorch had to be cured on the machine that began the run, a sentence each: <c>voxelzoo doctor</c>.</summary>
    public IReadOnlyList<string> Cures { get; init; } = [];

    /// <summary>Collects it.</summary>
    public static Provenance Collect(Plan plan, Cohort cohort)
    {
        var assemblies = new[] { Assembly.GetEntryAssembly(), typeof(Provenance).Assembly, typeof(IPart).Assembly, typeof(torch).Assembly };
        return new Provenance
        {
            Binaries = [.. assemblies.OfType<Assembly>().Distinct().Select(a => BinaryFacts.Of(a.GetName().Name!, Version(a), a.Location))],
            Plugins = PluginsOf(plan.Sources),
            Data = DataOf(plan, cohort),
            CohortSheet = cohort.Sheet?.Sha256,
            Spans = SpansOf(plan, cohort),
            Findings = cohort.Findings,
            Files = plan.Files.Distinct().ToDictionary(path => path, FileFacts.Hash),
            GitCommit = Commit(),
            Cures = NativeTorch.Load().Cures,
            System = $"{RuntimeInformation.OSDescription} {RuntimeInformation.ProcessArchitecture}",
            Runtime = RuntimeInformation.FrameworkDescription,
        };
    }

    /// <summary>
    /// Why the data of a run that has trained cannot be compared with what it recorded, as it did before its first step; null where they
    /// can be, or nothing was trained yet. The data of an animal stayed where it was trained.
    /// </summary>
    public static string? WhyIncomparable(RunFolder run) => !run.HasCheckpoints || run.IsAnimals || Read(run) is not null
        ? null
        : $"{run.Provenance} is lost, so that the data cannot be compared with what the run was trained on";

    /// <summary>Compares a cohort with what a run recorded of it.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="cohort">The cohort that is there.</param>
    /// <param name="allow">Whether other data may be gone on with.</param>
    /// <param name="remedy">What to do where it is refused.</param>
    /// <returns>What changed; nothing where all is as it was, or the run recorded nothing.</returns>
    /// <exception cref="PlanException">The data are others, and that is not allowed.</exception>
    public static IReadOnlyList<DataChange> CompareData(RunFolder run, Plan plan, Cohort cohort, bool allow, string remedy)
    {
        if (Read(run) is not { } recorded)
            return [];
        // every time anew: 100 volumes of 128×128×64 take 0.1 to 0.4 s, beside the 2 s and more in which the
        // check of their content reads them
        var found = DataOf(plan, cohort);
        DataChange[] changes = [.. DataChange.Between(recorded.Data, found), .. ChangedSpans(recorded, SpansOf(plan, cohort))];
        if (changes.Length == 0 || allow)
            return changes;
        throw new PlanException(
            $"the cohort '{cohort.Folder}' is not what the run was trained on: {string.Join("; ", changes)}; {remedy}",
            "cohort").In("data");
    }

    /// <summary>How the plugins that are there differ from those that a run recorded. One that it did not use is no change.</summary>
    /// <param name="run">The run.</param>
    /// <param name="sources">Where the parts come from that are to be used.</param>
    /// <returns>Nothing where all are as they were, or the run recorded nothing.</returns>
    public static IReadOnlyList<PluginChange> ComparePlugins(RunFolder run, IEnumerable<PartSource> sources) =>
        Read(run) is { } recorded
            ? PluginChange.Between(
                recorded.Plugins, PluginsOf(sources.Where(source => recorded.Plugins.Any(one => one.Name == source.Plugin))))
            : [];

    /// <summary>
    /// Records where a run's next segment reads its data, and where they or the plugins are others, or nobody knows, that they are.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="cohort">The cohort that is there.</param>
    /// <param name="changes">What <see cref="CompareData"/> said.</param>
    /// <param name="plugins">What <see cref="ComparePlugins"/> said.</param>
    public static void RecordSegment(
        RunFolder run, Plan plan, Cohort cohort, IReadOnlyList<DataChange> changes, IReadOnlyList<PluginChange> plugins)
    {
        if (Read(run) is not { } recorded)
        {
            if (run.HasCheckpoints)
                Provenance.Write(
                    run,
                    Collect(plan, cohort) with
                    {
                        Cohort = CohortPlace.Of(run, cohort),
                        ChangedData = [Runs.ChangedData.Unknown(Segment(run))],
                    });
            return;
        }

        var now = recorded with { Cohort = CohortPlace.Of(run, cohort) };
        if (changes.Count > 0)
            now = now with
            {
                Data = DataOf(plan, cohort),
                CohortSheet = cohort.Sheet?.Sha256,
                Spans = SpansOf(plan, cohort),
                ChangedData = [.. recorded.ChangedData, new ChangedData(Segment(run), changes, recorded.Data)],
            };
        var used = PluginsOf(plan.Sources.Where(source => !source.IsOwn));
        if (plugins.Count > 0)
            now = now with { ChangedPlugins = [.. recorded.ChangedPlugins, new ChangedPlugins(Segment(run), plugins)] };
        if (!used.All(recorded.Plugins.Contains)) // those that a segment takes besides count as well
            now = now with
            {
                Plugins =
                [
                    .. recorded.Plugins.Where(one => used.All(other => other.Name != one.Name))
                        .Concat(used).OrderBy(one => one.Name, StringComparer.Ordinal),
                ],
            };
        if (now != recorded)
            Write(run, now);
    }

    /// <summary>
    /// Where a run's cohort lies that was moved together with the run: as it lay beside it, if it holds what was recorded, and the place
    /// that the plan names does not.
    /// </summary>
    /// <returns>The folder's whole path, or null where there is no reason to look elsewhere than the plan says.</returns>
    public static string? FindMoved(RunFolder run, Plan plan)
    {
        if (plan.Data.Synthesize is not null || Read(run) is not { Cohort: { } place } recorded || plan.Data.Cohort != place.Path)
            return null;
        var beside = Path.GetFullPath(place.Relative, run.Path);
        return beside != place.Path && Directory.Exists(beside) && !IsRecorded(place.Path) && IsRecorded(beside) ? beside : null;

        bool IsRecorded(string folder)
        {
            try
            {
                return Directory.Exists(folder)
                    && DataChange.Between(recorded.Data, DataOf(plan, Engine.Data.Cohort.Open(folder))).Count == 0;
            }
            catch (PlanException)
            {
                return false; // a folder of something else
            }
        }
    }

    /// <summary>Where a run's cohort lay when it was trained, or null where that is not recorded.</summary>
    internal static string? PlaceOf(RunFolder run) => Read(run)?.Cohort?.Path;

    /// <summary>Replaces a run's record.</summary>
    internal static void Write(RunFolder run, Provenance provenance) => SealedJson.Write(DiskFiles.Instance, run.Provenance, provenance);

    /// <summary>A run's record, or null where there is none.</summary>
    /// <exception cref="RunFolderException">It is not what was written.</exception>
    public static Provenance? Read(RunFolder run) =>
        RunFile.ReadSealed<Provenance>(
            run.Provenance,
            "put it back, for without it the data cannot be compared; where it is lost, "
            + "remove it and go on with `train --resume --allow-changed-data`");

    private static IReadOnlyList<BinaryFacts> PluginsOf(IEnumerable<PartSource> sources) =>
        [.. sources.Distinct().OrderBy(source => source.Plugin, StringComparer.Ordinal).Select(BinaryFacts.Of)];

    private static int Segment(RunFolder run) => 1 + (run.ReadStatus()?.Segments ?? 0);

    private static Dictionary<string, DataFacts> DataOf(Plan plan, Cohort cohort) =>
        Engine.Data.Cohort.AllSplits.ToDictionary(split => split, split => DataFacts.Of(cohort.Of(split), plan.Kinds) with
        {
            Skipped = [.. cohort.Listed(split).Where(patient => plan.Kinds.Except(patient.Kinds).Any()).Select(patient => patient.Name)],
        });

    private static Dictionary<string, IntensitySpan?>? SpansOf(Plan plan, Cohort cohort) => plan.Data.Normalization == Normalization.Cohort
        ? plan.Kinds.Where(kind => !ImageKinds.IsMask(kind)).ToDictionary(kind => kind, kind => cohort.Sheet?.SpanOf(kind))
        : null;

    /// <summary>Kinds whose numbers mean something else by <c>cohort.json</c>, be the volumes the same.</summary>
    private static IEnumerable<DataChange> ChangedSpans(Provenance recorded, IReadOnlyDictionary<string, IntensitySpan?>? found)
    {
        string[] changed = recorded.Spans is { } before && found is not null
            ? [.. before.Where(kind => found.TryGetValue(kind.Key, out var now) && now != kind.Value).Select(kind => kind.Key)]
            : [];
        if (changed.Length > 0)
            yield return new DataChange(Engine.Data.CohortSheet.FileName, [], [], changed);
    }

    private static string Version(Assembly assembly) =>
        assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? $"{assembly.GetName().Version}";

    private static string? Commit()
    {
        try
        {
            using var git = Process.Start(
                new ProcessStartInfo("git", ["rev-parse", "HEAD"]) { RedirectStandardOutput = true, RedirectStandardError = true });
            var commit = git?.StandardOutput.ReadToEnd().Trim();
            git?.WaitForExit();
            return git?.ExitCode == 0 ? commit : null;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return null; // git is not installed
        }
    }
}

/// <summary>Where a run's cohort lies.</summary>
/// <param name="Path">The whole path.</param>
/// <param name="Relative">The path from the run's folder, in which experiment.yaml is, so that it is found where both were moved.</param>
public sealed record CohortPlace(string Path, string Relative)
{
    /// <summary>The place of a cohort beside a run.</summary>
    public static CohortPlace Of(RunFolder run, Cohort cohort) =>
        new(System.IO.Path.GetFullPath(cohort.Folder), System.IO.Path.GetRelativePath(run.Path, cohort.Folder));
}

/// <summary>A binary that took part in a run.</summary>
/// <param name="Name">Plugin id or assembly name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Sha256">Hash of the file, lower-case hexadecimal.</param>
public sealed record BinaryFacts(string Name, string Version, string Sha256)
{
    /// <summary>
    /// Hash over names and contents of the other files of a plugin's folder, such as private libraries; null for what has no folder of its
    /// own, and in a run of before it was recorded.
    /// </summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Files { get; init; }

    /// <summary>Which build it is, in one word or two.</summary>
    [JsonIgnore]
    internal string Build => $"{Sha256} {Files}".TrimEnd();

    internal static BinaryFacts Of(PartSource source) =>
        Of(source.Plugin, source.Version, source.Assembly) with
        {
            Files = source.Folder is { } folder ? HashOfOthers(folder, source.Assembly) : null,
        };

    internal static BinaryFacts Of(string name, string version, string path) => new(name, version, FileFacts.Hash(path));

    // symbols and documents change nothing that is computed; hidden files are the file system's
    private static string HashOfOthers(string folder, string assembly)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(IsRead).Order(StringComparer.Ordinal))
        {
            hash.AppendData(Encoding.UTF8.GetBytes(Path.GetRelativePath(folder, file) + "\n"));
            hash.AppendData(Convert.FromHexString(FileFacts.Hash(file)));
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());

        bool IsRead(string file) =>
            file != assembly && Path.GetExtension(file) is not (".pdb" or ".xml") && !Path.GetFileName(file).StartsWith('.');
    }
}

/// <summary>A split that took part in a run.</summary>
/// <param name="Patients">How many patients it has.</param>
/// <param name="Sha256">Hash over names and contents of its volumes.</param>
public sealed record DataFacts(int Patients, string Sha256)
{
    /// <summary>Patients that lack an image and are left out.</summary>
    public IReadOnlyList<string> Skipped { get; init; } = [];

    /// <summary>The same hash over the volumes of each patient alone, or null in a run of before it was recorded.</summary>
    public IReadOnlyDictionary<string, string>? Volumes { get; init; }

    /// <summary>
    /// The same hash over the volumes of each kind alone, so that runs which read different conditions can be
    /// seen to have the same targets.
    /// </summary>
    public IReadOnlyDictionary<string, string> Kinds { get; init; } = new Dictionary<string, string>();

    internal static DataFacts Of(IReadOnlyList<CohortPatient> patients, IReadOnlyList<string> kinds)
    {
        using var all = new VolumeHash();
        var ofKind = kinds.Distinct().ToDictionary(kind => kind, _ => new VolumeHash());
        var ofPatient = new Dictionary<string, string>();
        foreach (var patient in patients)
        {
            using var own = new VolumeHash();
            foreach (var kind in kinds.Where(patient.Kinds.Contains))
            {
                using var file = RegularFile.OpenRead(patient.File(kind));
                var content = SHA256.HashData(file);
                all.Add($"{patient.Name}/{kind}", content);
                ofKind[kind].Add($"{patient.Name}/{kind}", content);
                own.Add($"{patient.Name}/{kind}", content);
            }

            ofPatient[patient.Name] = own.Finish();
        }

        var facts = new DataFacts(patients.Count, all.Finish())
        {
            Volumes = ofPatient,
            Kinds = ofKind.ToDictionary(kind => kind.Key, kind => kind.Value.Finish()),
        };
        foreach (var hash in ofKind.Values)
            hash.Dispose();
        return facts;
    }

    private sealed class VolumeHash : IDisposable
    {
        private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        public void Add(string name, byte[] content)
        {
            _hash.AppendData(Encoding.UTF8.GetBytes(name + "\n"));
            _hash.AppendData(content);
        }

        public string Finish() => Convert.ToHexStringLower(_hash.GetHashAndReset());

        public void Dispose() => _hash.Dispose();
    }
}
