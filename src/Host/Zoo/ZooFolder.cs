using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Zoo;

namespace VoxelZoo.Host.Zoo;

/// <summary>Finds animals: in the folders <c>zoo</c> of the working directory, of its parents, of the program's ancestors.</summary>
internal static class ZooFolder
{
    /// <summary>What the name of an animal begins with, where a run may be named too.</summary>
    public const string Prefix = "zoo/";

    /// <summary>
    /// The folders of all animals, in the order of their ids; of two with one id, the one that is nearer to the working directory.
    /// </summary>
    public static IReadOnlyList<string> All() =>
    [
        .. NearFolders.Above().Select(folder => Path.Combine(folder, "zoo")).Distinct().SelectMany(In)
            .DistinctBy(IdOf).OrderBy(IdOf, StringComparer.Ordinal),
    ];

    /// <summary>The folders of a zoo's animals.</summary>
    public static IEnumerable<string> In(string zoo) => Directory.Exists(zoo) ? Listed(zoo).SelectMany(Listed).Where(Animal.IsOne) : [];

    /// <summary>Family and name of an animal's folder.</summary>
    public static string IdOf(string folder) => $"{Path.GetFileName(Path.GetDirectoryName(folder))}/{Path.GetFileName(folder)}";

    /// <summary>The folder of the animal that a name stands for, <c>zoo/FAMILY/NAME</c> or a path; null where it is no animal's.</summary>
    public static string? Find(string name)
    {
        var trimmed = name.TrimEnd('/');
        if (Directory.Exists(trimmed))
            return Animal.IsOne(trimmed) ? Path.GetFullPath(trimmed) : null;
        return trimmed.StartsWith(Prefix, StringComparison.Ordinal)
            ? All().FirstOrDefault(folder => IdOf(folder) == trimmed[Prefix.Length..])
            : null;
    }

    /// <summary>The folder of the animal that a name stands for, with <c>zoo/</c> before it or without, or a path.</summary>
    /// <exception cref="RunFolderException">There is none.</exception>
    public static string Require(string name) => Find(name) ?? Find(Prefix + name) ?? throw Unknown(name);

    /// <summary>What is said of a name that is no animal's.</summary>
    public static RunFolderException Unknown(string name)
    {
        var id = name.StartsWith(Prefix, StringComparison.Ordinal) ? name[Prefix.Length..] : name;
        return Directory.Exists(name)
            ? new($"{name} is not an animal's folder: it has no {Animal.CardName}; `zoo export` makes one of a run")
            : new($"{name}: there is no such animal{Spelling.Suggestion(id, All().Select(IdOf))}; `zoo list` names those that there are");
    }

    // hidden ones are being made
    private static IEnumerable<string> Listed(string folder) =>
        Directory.EnumerateDirectories(folder, "*", new EnumerationOptions { IgnoreInaccessible = true })
            .Where(one => !Path.GetFileName(one).StartsWith('.'));
}
