using VoxelZoo.Engine.Files;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// Finds experiments by id: the <c>experiments</c> folder of the working directory, of its parents, of the program's ancestors; and those
/// that plugins bring.
/// </summary>
internal static class ExperimentFolder
{
    // links may lead back to where they lie
    private static readonly EnumerationOptions Below = new() { RecurseSubdirectories = true, MaxRecursionDepth = 8, AttributesToSkip = 0 };
    private static readonly EnumerationOptions Only = new() { AttributesToSkip = 0 };

    /// <summary>The file that an id or a path names.</summary>
    /// <param name="idOrPath">The id or the path.</param>
    /// <param name="plugins">Those that may bring it.</param>
    /// <exception cref="ConfigurationException">There is none; the message names the nearest.</exception>
    public static string Resolve(string idOrPath, PluginCatalogue plugins)
    {
        if (File.Exists(idOrPath))
            return idOrPath;
        if (RegularFile.WhyNot(idOrPath) is { } why)
            throw new ConfigurationException(new Position(idOrPath), why.TrimEnd('.'));

        if (Directory.Exists(idOrPath))
            throw new ConfigurationException(new Position(idOrPath), WhatFolder(idOrPath));

        var experiments = Find();
        var files = List(experiments);
        var matches = files.Where(f => Id(experiments!, f) == idOrPath || Path.GetFileNameWithoutExtension(f) == idOrPath).ToArray();
        return matches switch
        {
            [var one] => one,
            [] => PluginExperiments.Find(plugins, idOrPath) ?? throw new ConfigurationException(
                new Position(idOrPath),
                "neither a file nor an experiment"
                + (experiments is null ? "; there is no `experiments` folder here" : $" of {experiments}")
                + Near(idOrPath, files.Select(file => Path.GetFileNameWithoutExtension(file))
                    .Concat(PluginExperiments.All(plugins).Select(brought => brought.Name)))),
            _ => throw new ConfigurationException(
                new Position(idOrPath), $"several experiments have this name: {string.Join(", ", matches)}"),
        };
    }

    /// <summary>The nearest file beside the one that was meant, or else the nearest id.</summary>
    private static string Near(string idOrPath, IEnumerable<string?> ids) =>
        NearPaths.Suggestion(idOrPath, path => Path.GetExtension(path) is ".yaml" or ".yml" && File.Exists(path)) is { Length: > 0 } beside
            ? beside
            : Spelling.Suggestion(idOrPath, ids.OfType<string>());

    /// <summary>What to name instead of a folder.</summary>
    private static string WhatFolder(string folder)
    {
        if (File.Exists(Path.Combine(folder, "experiment.yaml")))
            return $"this is the folder of a run, and an experiment is expected; `train EXP --run {folder} --resume` goes on with it";
        var example = List(folder, Only).Concat(List(Find())).FirstOrDefault();
        return "this is a folder, and an experiment is expected: its YAML file, or its id"
            + (example is null ? "" : $", such as {Places.Shown(example)}");
    }

    /// <summary>The nearest folder <c>experiments</c>, or null.</summary>
    public static string? Find() =>
        NearFolders.Above()
            .Select(folder => Path.Combine(folder, "experiments"))
            .FirstOrDefault(Directory.Exists);

    /// <summary>
    /// The experiments of a folder in the order of their names; what begins with <c>_</c> is shared by others and none itself.
    /// </summary>
    public static IReadOnlyList<string> List(string? folder) => folder is null || !Directory.Exists(folder) ? [] : List(folder, Below);

    private static string[] List(string folder, EnumerationOptions where) =>
    [
        .. Directory.EnumerateFiles(folder, "*.yaml", where)
            .Where(file => !Path.GetRelativePath(folder, file).Split(Path.DirectorySeparatorChar).Any(name => name.StartsWith('_')))
            .Order(StringComparer.Ordinal),
    ];

    /// <summary>The id of a file in a folder of experiments: its path there, without its ending.</summary>
    public static string Id(string folder, string file) =>
        Path.ChangeExtension(Path.GetRelativePath(folder, file), null).Replace(Path.DirectorySeparatorChar, '/');
}
