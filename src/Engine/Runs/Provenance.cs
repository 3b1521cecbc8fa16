using System.Diagnostics;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
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

    /// <summary>What was found of the volumes that was no reason to refuse them: patients that are left out, labels that are merged and the like.</summary>
    public IReadOnlyList<CohortFinding> Findings { get; init; } = [];

    /// <summary>Segments that went on with other data (<c>--allow-changed-data</c>); <see cref="Data"/> is that of the last one.</summary>
    public IReadOnlyList<ChangedData> ChangedData { get; init; } = [];

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
            Plugins = [.. plan.Sources.Distinct().OrderBy(s => s.Plugin, StringComparer.Ordinal).Select(s => BinaryFacts.Of(s.Plugin, s.Version, s.Assembly))],
            Data = DataOf(plan, cohort),
            Findings = cohort.Findings,
            Files = plan.Files.Distinct().ToDictionary(path => path, BinaryFacts.Hash),
            GitCommit = Commit(),
            Cures = NativeTorch.Load().Cures,
            System = $"{RuntimeInformation.OSDescription} {RuntimeInformation.ProcessArchitecture}",
            Runtime = RuntimeInformation.FrameworkDescription,
        };
    }

    /// <summary>Compares a cohort with what a run recorded of it.</summary>
    /// <param name="run">The run.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="cohort">The cohort that is there.</param>
    /// <param name="allow">Whether to go on with other data, which the run then records for its next segment.</param>
    /// <param name="remedy">What to do where it is refused.</param>
    /// <returns>What changed; nothing where all is as it was, or the run recorded nothing.</returns>
    /// <exception cref="PlanRefusedException">The data are others, and that is not allowed.</exception>
    public static IReadOnlyList<DataChange> CompareData(RunFolder run, Plan plan, Cohort cohort, bool allow, string remedy)
    {
        if (RunFolder.ReadJson<Provenance>(run.Provenance, "without it the data cannot be compared; remove it to go on all the same") is not { } recorded)
            return [];
        var found = DataOf(plan, cohort);
        var changes = DataChange.Between(recorded.Data, found);
        if (changes.Count == 0)
            return changes;
        if (!allow)
        {
            throw new PlanRefusedException(
                "data", "cohort",
                $"the cohort '{cohort.Folder}' is not what the run was trained on: {string.Join("; ", changes)}; {remedy}");
        }

        var segment = 1 + (run.ReadStatus()?.Segments ?? 0);
        AtomicFile.WriteJson(run.Provenance, recorded with { Data = found, ChangedData = [.. recorded.ChangedData, new ChangedData(segment, changes, recorded.Data)] });
        return changes;
    }

    private static Dictionary<string, DataFacts> DataOf(Plan plan, Cohort cohort) =>
        Cohort.AllSplits.ToDictionary(split => split, split => DataFacts.Of(cohort.Of(split), plan.Kinds));

    private static string Version(Assembly assembly) =>
        assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? $"{assembly.GetName().Version}";

    private static string? Commit()
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", ["rev-parse", "HEAD"]) { RedirectStandardOutput = true, RedirectStandardError = true });
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

/// <summary>A binary that took part in a run.</summary>
/// <param name="Name">Plugin id or assembly name.</param>
/// <param name="Version">Its version.</param>
/// <param name="Sha256">Hash of the file, lower-case hexadecimal.</param>
public sealed record BinaryFacts(string Name, string Version, string Sha256)
{
    internal static BinaryFacts Of(string name, string version, string path) => new(name, version, Hash(path));

    internal static string Hash(string path)
    {
        using var file = File.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
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

    /// <summary>The same hash over the volumes of each kind alone, so that runs which read different conditions can be seen to have the same targets.</summary>
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
                using var file = File.OpenRead(patient.File(kind));
                var content = SHA256.HashData(file);
                all.Add($"{patient.Name}/{kind}", content);
                ofKind[kind].Add($"{patient.Name}/{kind}", content);
                own.Add($"{patient.Name}/{kind}", content);
            }

            ofPatient[patient.Name] = own.Finish();
        }

        var facts = new DataFacts(patients.Count, all.Finish())
        {
            Skipped = [.. patients.Where(patient => kinds.Except(patient.Kinds).Any()).Select(patient => patient.Name)],
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
