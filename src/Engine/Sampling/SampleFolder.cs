using VoxelZoo.Engine.Distributed;

namespace VoxelZoo.Engine.Sampling;

/// <summary>A folder of numbered samples, each of which is there as a whole or not at all.</summary>
internal sealed partial class SampleFolder
{
    private readonly string _folder;

    /// <summary>Makes the folder, and removes what a killed process left half written.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="collective">The processes that write into it, of which the first makes it.</param>
    public SampleFolder(string folder, ICollective collective)
    {
        _folder = folder;
        collective.ByFirst(() =>
        {
            Directory.CreateDirectory(folder);
            // the folder is anybody's: what has other names is not ours
            foreach (var half in Directory.EnumerateDirectories(folder).Where(half => HalfWritten.IsMatch(Path.GetFileName(half))))
                Directory.Delete(half, recursive: true);
        });
    }

    [System.Text.RegularExpressions.GeneratedRegex(@"^\.tmp-\d{5}-\d+$")]
    private static partial System.Text.RegularExpressions.Regex HalfWritten { get; }

    /// <summary>Name of the sample of that number.</summary>
    public static string Name(int index) => $"{index:D5}";

    /// <summary>Replaces a sample.</summary>
    /// <param name="index">Its number.</param>
    /// <param name="fill">Writes its files into the folder that it is given.</param>
    public void Write(int index, Action<string> fill)
    {
        var temporary = Path.Combine(_folder, $".tmp-{Name(index)}-{Environment.ProcessId}");
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

        var target = Path.Combine(_folder, Name(index));
        if (Directory.Exists(target))
            Directory.Delete(target, recursive: true);
        Directory.Move(temporary, target);
    }
}
