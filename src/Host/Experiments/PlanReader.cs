using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Experiments;

/// <summary>Turns a resolved experiment into a plan: binds each section, loads the plugins that it names, composes the shapes.</summary>
internal sealed class PlanReader(PartRegistry registry)
{
    private static readonly string[] Sections =
    [
        "id", "title", "data", "target", "condition", "compressor", "architecture", "strategy", "augmentations",
        "training", "sampling", "evaluation", "expect",
    ];

    /// <summary>The records of the engine that share a section with a part.</summary>
    public static IReadOnlyDictionary<string, Type> EngineRecords { get; } = new Dictionary<string, Type> { ["sampling"] = typeof(SamplingOptions) };

    /// <summary>The experiment's plan.</summary>
    /// <exception cref="ConfigurationException">Something in it cannot work; the message says where and what to do.</exception>
    public ExperimentPlan Read(MapNode root)
    {
        foreach (var entry in root.Entries.Where(e => !Sections.Contains(e.Key)))
            throw new ConfigurationException(
                entry.KeyPosition, $"unknown section `{entry.Key}`{Spelling.Suggestion(entry.Key, Sections)} (sections: {string.Join(", ", Sections)})");

        var sampling = Section(root, "sampling");
        var sampler = registry.Get<ISampler>(Binder.PartOf(sampling));
        var (samplingOptions, samplerOptions) = Binder.BindPart<SamplingOptions>(sampling, sampler.Value.OptionsType);
        var draft = new ExperimentPlan
        {
            Id = Id(root),
            Title = Text(root, "title") ?? "",
            Data = Binder.Bind<DataOptions>(root["data"]),
            Target = Names(root, "target"),
            Condition = Binder.Bind<ConditionOptions>(root["condition"]),
            Compressor = root["compressor"] is null ? Identity() : Planned<ICompressor>("compressor", Section(root, "compressor")),
            Architecture = Planned<IArchitecture>("architecture", Section(root, "architecture")),
            Strategy = Planned<INoiseStrategy>("strategy", Section(root, "strategy")),
            Augmentations = [.. Items(root["augmentations"]).Select(item => Planned<IAugmentation>("augmentations", item))],
            Training = Binder.Bind<TrainingOptions>(root["training"]),
            Sampling = samplingOptions,
            Sampler = Planned("sampling", sampler, samplerOptions),
            Evaluation = Binder.Bind<EvaluationOptions>((root["evaluation"] as MapNode)?.Without("metrics") ?? root["evaluation"]),
            Metrics = [.. Items((root["evaluation"] as MapNode)?["metrics"]).Select(item => Planned<IMetric>("evaluation", item))],
            Expect = Binder.Bind<ExpectOptions>(root["expect"]),
        };
        return Checked(root, () => ExperimentPlan.Compose(draft));
    }

    /// <summary>Runs a check of the engine and places its refusal in the file.</summary>
    public static T Checked<T>(MapNode root, Func<T> check)
    {
        try
        {
            return check();
        }
        catch (PlanRefusedException e)
        {
            var position = root.Find(e.Section) is not { } section ? root.Position
                : section.Value is MapNode map && map.Entries.Any(entry => entry.Key == e.Key?.Split('.')[0]) ? map.Locate(e.Key)
                : section.KeyPosition;
            throw new ConfigurationException(position, e.Message, e);
        }
    }

    private PlannedPart<T> Planned<T>(string section, Node node)
        where T : class, IPart
    {
        if (node is ScalarNode { IsNull: false } name)
            node = new MapNode(name.Position, [new MapEntry("use", name.Position, name)]); // a part without options by its id alone
        var part = registry.Get<T>(Binder.PartOf(node));
        return Planned(section, part, Binder.BindPart(node, part.Value.OptionsType));
    }

    private static PlannedPart<T> Planned<T>(string section, Part<T> part, object options)
        where T : class, IPart =>
        new(section, part.Id, part.Value, options, new PartSource(part.Plugin, part.Version, part.Value.GetType().Assembly.Location));

    private PlannedPart<ICompressor> Identity()
    {
        var identity = registry.Get<ICompressor>("identity");
        return Planned("compressor", identity, Binder.Bind(null, identity.Value.OptionsType));
    }

    private static Node Section(MapNode root, string key) =>
        root[key] ?? throw new ConfigurationException(root.Position, $"the section `{key}` is missing; add `{key}: {{use: ID}}`");

    private static string Id(MapNode root) =>
        Text(root, "id") is not { Length: > 0 } id ? throw new ConfigurationException(root.Position, "the experiment has no `id`; add one, which also names its run folders")
        : id.Any(c => !(char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.')) || id.StartsWith('.')
            ? throw new ConfigurationException(root.Locate("id"), $"the id `{id}` names folders: use letters, digits, `_`, `-` and `.` only")
            : id;

    private static string? Text(MapNode root, string key) => root[key] switch
    {
        null => null,
        ScalarNode { IsNull: false } scalar => scalar.Text,
        var other => throw new ConfigurationException(other.Position, $"`{key}` is {other.Description}, expected text"),
    };

    private static string[] Names(MapNode root, string key) =>
        [.. Items(root[key]).Select(item => item is ScalarNode { IsNull: false } name
            ? name.Text
            : throw new ConfigurationException(item.Position, $"`{key}` takes names of images such as bravo, found {item.Description}"))];

    /// <summary>A list's items; a single value counts as a list of one.</summary>
    private static IEnumerable<Node> Items(Node? node) => node switch
    {
        null or { IsNull: true } => [],
        ListNode list => list.Items,
        _ => [node],
    };
}
