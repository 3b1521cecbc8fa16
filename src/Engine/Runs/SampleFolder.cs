using System.Globalization;
using System.Text.RegularExpressions;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Runs;

/// <summary>Which numbers new samples take.</summary>
public enum SampleNumbers
{
    /// <summary>
    /// Those from 0, in place of all samples that are there: those of higher numbers go once the last new one is written.
    /// </summary>
    Replace,

    /// <summary>Those after the last one that is there, or that another process is about to write.</summary>
    Continue,
}

/// <summary>
/// A folder of numbered samples, each of which is there as a whole or not at all. The numbers that a process
/// takes are its own until it ends.
/// </summary>
internal sealed partial class SampleFolder : IDisposable
{
    /// <summary>Name of a sample's record.</summary>
    public const string RecordName = "sample.json";

    /// <summary>Name of its picture.</summary>
    public const string PictureName = "montage.png";

    /// <summary>Name of the folder within a sample's that holds its volumes on the patient's own grid.</summary>
    public const string NativeName = "native";

    /// <summary>Name of that folder while it is made.</summary>
    public const string HalfNativeName = $".{NativeName}.tmp";

    private const string Volume = ".nii.gz";
    private const string LockName = ".lock";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private readonly string _folder;
    private readonly FileStream? _claim; // open, so that others see that this process lives; the first process's
    private readonly int[] _replaced; // higher numbers of the set that is replaced; the first process's
    private readonly Action<string>? _warn;
    private bool _replacing; // whether some of the old set are there still
    private int _written;

    /// <summary>Makes the folder, takes numbers, and removes what a killed process left half written.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="numbers">Which numbers.</param>
    /// <param name="count">How many.</param>
    /// <param name="collective">The processes that write into it, of which the first takes the numbers for all.</param>
    /// <param name="warn">Is told where an old set is replaced in part only.</param>
    /// <exception cref="RunFolderException">Another process is writing samples of those numbers.</exception>
    public SampleFolder(string folder, SampleNumbers numbers, int count, ICollective collective, Action<string>? warn = null)
    {
        (_folder, _warn) = (folder, warn);
        (FileStream? claim, int[] replaced) = (null, []);
        First = int.Parse(
            collective.FromFirst(() =>
            {
                (claim, var first, replaced) = Unwritten.Named(folder, () => Claim(numbers, count));
                return first.ToString(CultureInfo.InvariantCulture);
            }),
            CultureInfo.InvariantCulture);
        (_claim, _replaced) = (claim, replaced);
        _replacing = numbers == SampleNumbers.Replace && claim is not null && Numbers().Any();
    }

    /// <summary>The first of the numbers.</summary>
    public int First { get; }

    [GeneratedRegex(@"^\.tmp-(\d{5,})-\d+$")]
    private static partial Regex HalfWritten { get; }

    [GeneratedRegex(@"^\.claim-(\d+)-(\d+)$")]
    private static partial Regex Claimed { get; }

    [GeneratedRegex(@"^\d{5,9}$")]
    private static partial Regex Numbered { get; }

    /// <summary>Name of the sample of that number.</summary>
    public static string Name(int index) => $"{index:D5}";

    /// <summary>The records of a run's samples, in their order.</summary>
    /// <typeparam name="T">What <c>sample.json</c> says.</typeparam>
    /// <exception cref="RunFolderException">One of them is damaged.</exception>
    public static T[] Records<T>(RunFolder run)
        where T : class =>
        !Directory.Exists(run.Samples) ? [] :
        [
            .. Directory.EnumerateDirectories(run.Samples).Order(StringComparer.Ordinal)
                .Where(folder => !Path.GetFileName(folder).StartsWith('.')) // half written
                .Select(folder => RunFile.ReadJson<T>(Path.Combine(folder, RecordName), "remove it, or make it anew")).OfType<T>(),
        ];

    /// <summary>Writes a sample, in place of the one that has its number.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="fill">Writes its files into the folder that it is given.</param>
    public void Write(int index, Action<string> fill)
    {
        var temporary = Path.Combine(_folder, $".tmp-{Name(index)}-{Environment.ProcessId}");
        Unwritten.Named(
            At(index),
            () =>
            {
                Directory.CreateDirectory(temporary);
                try
                {
                    fill(temporary);
                }
                catch
                {
                    Directory.Delete(temporary, recursive: true);
                    throw;
                }

                var old = Aside(index);
                Directory.Move(temporary, At(index));
                if (old is not null)
                    Directory.Delete(old, recursive: true);
            },
            temporary);
        _written++;
    }

    /// <summary>
    /// Ends what <see cref="SampleNumbers.Replace"/> began, once all new samples are there: removes those of the old
    /// set that have higher numbers.
    /// </summary>
    public void EndReplacement()
    {
        foreach (var old in _replaced.Select(Aside).OfType<string>())
            Directory.Delete(old, recursive: true);
        _replacing = false;
    }

    /// <summary>Takes a sample's name from what is to be deleted, so that a kill leaves no half of it under that name.</summary>
    private string? Aside(int number)
    {
        var old = Path.Combine(_folder, Name(number));
        if (!Directory.Exists(old))
            return null;
        var aside = Path.Combine(_folder, $".tmp-{Name(number)}-{Environment.ProcessId}0"); // not that of the new one
        Directory.Move(old, aside);
        return aside;
    }

    /// <summary>Gives back the numbers that were not used.</summary>
    public void Dispose()
    {
        if (_claim is null)
            return;
        _claim.Dispose();
        File.Delete(_claim.Name);
        if (_replacing && _written > 0)
            _warn?.Invoke(
                $"the samples in {_folder} were replaced in part only: the first are new, the others are those from before; "
                + "do the same again, or remove the folder");
    }

    private (FileStream Claim, int First, int[] Replaced) Claim(SampleNumbers numbers, int count)
    {
        Directory.CreateDirectory(_folder);
        using var alone = Alone();
        var taken = Living();
        var first = numbers == SampleNumbers.Replace ? 0 : Next(count, taken);
        if (taken.Any(claim => first < claim.End && claim.First < first + count))
            throw new RunFolderException(
                $"{_folder} has samples {first} to {first + count - 1} that another process is writing; "
                + "wait for that one, or sample without --overwrite");
        int[] replaced = numbers == SampleNumbers.Replace ? Replaced(count, taken) : [];
        // the folder is anybody's: what has other names is not ours
        foreach (var half in Directory.EnumerateDirectories(_folder).Where(half => IsLeft(half, taken)).ToArray())
            Directory.Delete(half, recursive: true);
        var file = Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $".claim-{first}-{first + count}"));
        return (new FileStream(file, FileMode.Create, FileAccess.ReadWrite, FileShare.None), first, replaced);
    }

    /// <summary>The first of as many free numbers after the last sample.</summary>
    private int Next(int count, IReadOnlyList<(int First, int End)> taken)
    {
        var there = Numbers().ToLookup(IsForeign);
        var first = there[false].Select(number => number + 1).Concat(taken.Select(claim => claim.End)).DefaultIfEmpty().Max();
        foreach (var other in there[true].Order().Where(other => other >= first))
            first = other < first + count ? other + 1 : first;
        return first;
    }

    /// <summary>The samples of the old set whose numbers the new one does not take.</summary>
    /// <exception cref="RunFolderException">Something would be lost that no sample holds.</exception>
    private int[] Replaced(int count, IReadOnlyList<(int First, int End)> taken)
    {
        // a folder of such a number without a record is a sample of nobody's; it is only in the way where the new set needs its name
        var old = Numbers().Where(number => number < count || File.Exists(At(number, RecordName))).Order().ToArray();
        if (old.Where(IsForeign).Select(number => (int?)number).FirstOrDefault() is { } foreign)
            throw new RunFolderException(
                $"{At(foreign)} holds what no sample of this program does, and --overwrite would remove it; "
                + "move it away, sample without --overwrite, or name another folder");
        return
        [
            .. old.Where(number => number >= count && !taken.Any(claim => claim.First <= number && number < claim.End)).OrderDescending(),
        ];
    }

    /// <summary>Whether a folder holds something else than a sample: no record, or a file that samples have not.</summary>
    private bool IsForeign(int number)
    {
        var entries = new DirectoryInfo(At(number)).GetFileSystemInfos();
        return entries.Length > 0 && (!File.Exists(At(number, RecordName)) || !entries.All(IsOfSample));
    }

    private static bool IsOfSample(FileSystemInfo entry) => entry switch
    {
        DirectoryInfo { Name: NativeName, LinkTarget: null } native => native.EnumerateFileSystemInfos().All(IsVolume),
        DirectoryInfo { Name: HalfNativeName, LinkTarget: null } => true,
        _ => entry.Name is RecordName or PictureName || IsVolume(entry),
    };

    private static bool IsVolume(FileSystemInfo entry) => entry is FileInfo && entry.Name.EndsWith(Volume, StringComparison.Ordinal);

    private string At(int number, string file = "") => Path.Combine(_folder, Name(number), file);

    /// <summary>Keeps other processes from taking numbers for a moment.</summary>
    private FileStream Alone()
    {
        for (var waited = System.Diagnostics.Stopwatch.StartNew(); ; Thread.Sleep(20))
        {
            try
            {
                return new FileStream(Path.Combine(_folder, LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (HeldFile.IsByAnother(e) && waited.Elapsed < Patience)
            {
                // another process takes numbers
            }
        }
    }

    private IEnumerable<int> Numbers() => Directory.EnumerateDirectories(_folder).Select(folder => Path.GetFileName(folder))
        .Where(name => Numbered.IsMatch(name)).Select(name => int.Parse(name, CultureInfo.InvariantCulture));

    /// <summary>The numbers that processes have taken which live; removes the claims of those that were killed.</summary>
    private List<(int First, int End)> Living()
    {
        List<(int First, int End)> living = [];
        foreach (var file in Directory.EnumerateFiles(_folder).ToArray())
        {
            if (Claimed.Match(Path.GetFileName(file)) is not { Success: true } claim)
                continue;
            try
            {
                using (new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None))
                    File.Delete(file);
            }
            catch (FileNotFoundException)
            {
                // its process ends just now
            }
            catch (IOException)
            {
                living.Add((
                    int.Parse(claim.Groups[1].Value, CultureInfo.InvariantCulture),
                    int.Parse(claim.Groups[2].Value, CultureInfo.InvariantCulture)));
            }
        }

        return living;
    }

    private static bool IsLeft(string half, List<(int First, int End)> taken) =>
        HalfWritten.Match(Path.GetFileName(half)) is { Success: true } match
        && int.TryParse(match.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
        && !taken.Any(claim => claim.First <= number && number < claim.End);
}
