using VoxelZoo.Conformance;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Plugins;

/// <summary>How far a plugin is on the way from one that works to one that strangers can use.</summary>
internal enum QualityLevel
{
    /// <summary>Less than bronze.</summary>
    None,

    /// <summary>It keeps the contract, and says what it is and what may be done with it.</summary>
    Bronze,

    /// <summary>Strangers find out how to use it.</summary>
    Silver,

    /// <summary>It can be relied on: tests, changes and weights are accounted for.</summary>
    Gold,
}

/// <summary>Something that a level asks for.</summary>
/// <param name="Level">The level.</param>
/// <param name="Name">What it is about, one word.</param>
/// <param name="Holds">Whether it is so.</param>
/// <param name="Finding">What was found, and where it is not so, what to do.</param>
internal sealed record QualityCriterion(QualityLevel Level, string Name, bool Holds, string Finding);

/// <summary>The quality of a plugin: what its folder and its manifest say, and the checks that were run.</summary>
/// <param name="Criteria">What each level asks for.</param>
internal sealed record PluginQuality(IReadOnlyList<QualityCriterion> Criteria)
{
    private static readonly string[] WeightFiles = [".safetensors", ".pt", ".pth", ".ckpt"];

    /// <summary>The highest level of which everything holds, and everything of those below.</summary>
    public QualityLevel Level => Levels.TakeWhile(level => Criteria.All(one => one.Level != level || one.Holds)).LastOrDefault();

    /// <summary>The next level, or null where there is none.</summary>
    public QualityLevel? Next => Level == QualityLevel.Gold ? null : Level + 1;

    private static QualityLevel[] Levels => [QualityLevel.Bronze, QualityLevel.Silver, QualityLevel.Gold];

    /// <summary>Judges a plugin.</summary>
    /// <param name="plugin">The plugin.</param>
    /// <param name="checks">The conformance checks of all of its parts.</param>
    public static PluginQuality Of(Plugin plugin, IReadOnlyCollection<ConformanceCheck> checks)
    {
        var failed = checks.Count(check => !check.Passed);
        return new PluginQuality(
        [
            One(
                QualityLevel.Bronze, "conformance", failed == 0, $"all {checks.Count} checks pass",
                $"{failed} of {checks.Count} checks fail"),
            One(QualityLevel.Bronze, "licence", plugin.License.Length > 0, plugin.License, "set PackageLicenseExpression"),
            One(
                QualityLevel.Bronze, "summary", Silent(plugin) is null, "plugin and parts have one",
                $"{Silent(plugin)} has none; set Description, and Summary of the attribute"),
            One(
                QualityLevel.Silver, "options", Undocumented(plugin) is null, "each has its sentence",
                $"{Undocumented(plugin)} has no documentation; write its <summary>, and set GenerateDocumentationFile"),
            Docs(plugin),
            Experiment(plugin),
            One(
                QualityLevel.Gold, "tests", plugin.Tests.Length > 0, plugin.Tests,
                "the build found no test project in ../tests or ../*.Tests"),
            One(QualityLevel.Gold, "changes", plugin.Changelog.Length > 0, plugin.Changelog, "set PackageReleaseNotes"),
            WeightsCard(plugin),
        ]);
    }

    private static QualityCriterion One(QualityLevel level, string name, bool holds, string found, string missing) =>
        new(level, name, holds, holds ? found : missing);

    private static string? Silent(Plugin plugin) => plugin.Summary.Length == 0
        ? "the plugin"
        : plugin.Parts.Where(part => part.Summary.Length == 0).Select(part => $"the {part.Kind} `{part.Id}`").FirstOrDefault();

    private static string? Undocumented(Plugin plugin) =>
        (from part in plugin.Parts
         from key in part.Options is { } options
             ? OptionFacts.Of(options).Where(option => option.About.Length == 0).Select(option => $"`{option.Key}`")
             : ["every option"]
         select $"{key} of the {part.Kind} `{part.Id}`").FirstOrDefault();

    private static QualityCriterion Docs(Plugin plugin)
    {
        var readme = new FileInfo(Path.Combine(plugin.Path, "README.md"));
        var found = readme is { Exists: true, Length: > 0 } ? readme.Name : plugin.Homepage;
        return One(QualityLevel.Silver, "docs", found.Length > 0, found, "copy a README.md to the output, or set PackageProjectUrl");
    }

    private static QualityCriterion Experiment(Plugin plugin)
    {
        var brought = PluginExperiments.Of(plugin);
        string? used = null, fault = PluginExperiments.Ignored(plugin) is { } ignored
            ? $"{Path.GetRelativePath(plugin.Path, ignored)} is {(Directory.Exists(ignored) ? "a folder" : "called otherwise")}, and "
                + $"experiments are files that end in .yaml"
            : null;
        foreach (var name in brought)
        {
            try
            {
                var file = ExperimentFile.Load(Path.Combine(plugin.Path, "experiments", $"{PartName.Parse(name).Id}.yaml"),
                    plugins: PluginCatalogue.Of(plugin));
                if (Names(file, plugin))
                    used ??= name;
            }
            catch (ConfigurationException e)
            {
                fault ??= e.Message;
            }
        }

        var missing = fault ?? (brought.Count == 0
            ? "it brings none; copy experiments/*.yaml to the output"
            : $"{string.Join(", ", brought)} {(brought.Count == 1 ? "uses" : "use")} none of its parts");
        return One(QualityLevel.Silver, "experiment", fault is null && used is not null, used ?? "", missing);
    }

    /// <summary>Whether a part of the plugin is named somewhere below.</summary>
    private static bool Names(Node node, Plugin plugin) => node switch
    {
        ScalarNode scalar => PartName.Parse(scalar.Text) is var name && (name.Plugin is null || name.Plugin == plugin.Id)
            && plugin.Parts.Any(part => part.Id == name.Id),
        ListNode list => list.Items.Any(item => Names(item, plugin)),
        MapNode map => map.Entries.Any(entry => Names(entry.Value, plugin)),
        _ => false,
    };

    private static QualityCriterion WeightsCard(Plugin plugin)
    {
        string[] weights =
        [
            .. Directory.EnumerateFiles(plugin.Path, "*", SearchOption.AllDirectories)
                .Where(file => WeightFiles.Contains(Path.GetExtension(file))).Order(StringComparer.Ordinal),
        ];
        var faults = weights.Select(file => CardFault(Path.Combine(Path.GetDirectoryName(file)!, "card.yaml")) is { } fault
            ? $"{Path.GetRelativePath(plugin.Path, file)} {fault}, which says how it was trained, on what, and what may be done with it"
            : null);
        var first = faults.FirstOrDefault(fault => fault is not null);
        return One(
            QualityLevel.Gold, "weights", first is null, weights.Length == 0 ? "it brings none" : "each has a card.yaml beside it",
                first ?? "");
    }

    private static string? CardFault(string card)
    {
        if (!File.Exists(card))
            return "has no card.yaml beside it";
        try
        {
            return YamlReader.ReadFile(card) is MapNode { Entries.Length: > 0 } ? null : "has a card.yaml without fields beside it";
        }
        catch (ConfigurationException e)
        {
            return $"has a card.yaml that cannot be read ({e.Message.TrimEnd('.')})";
        }
    }
}
