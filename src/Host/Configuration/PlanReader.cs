using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>Turns a resolved experiment of diffusion into a plan: binds each section, loads the plugins that it names, composes the shapes.</summary>
internal sealed class PlanReader(PartRegistry registry) : SectionReader(registry)
{
    /// <summary>The sections of an experiment of diffusion.</summary>
    public static IReadOnlyList<string> Sections { get; } =
    [
        "id", "title", "data", "target", "condition", "compressor", "architecture", "strategy", "augmentations",
        "training", "sampling", "evaluation", "expect", RequiredPlugins.Section,
    ];

    /// <summary>The records of the engine that share a section with a part.</summary>
    public static IReadOnlyDictionary<string, Type> EngineRecords { get; } = new Dictionary<string, Type> { ["sampling"] = typeof(SamplingOptions) };

    /// <summary>The experiment's plan.</summary>
    /// <exception cref="ConfigurationException">Something in it cannot work; the message says where and what to do.</exception>
    public ExperimentPlan Read(MapNode root)
    {
        RefuseUnknownSections(root, Sections);
        RequiredPlugins.Check(root, Registry.Catalogue);
        var sampling = Section(root, "sampling");
        var (samplingOptions, sampler) = Sampler("sampling", sampling);
        var generation = root["evaluation"]?["generate"] is { IsNull: false } over ? Generation(sampling, over) : null;
        var (compressor, latent) = Compressor("compressor", root["compressor"] ?? Identity);
        var (own, ownLatent) = root["condition"]?["compressor"] is { } node ? Compressor("condition.compressor", node) : (null, new LatentOptions());
        var draft = new ExperimentPlan
        {
            Id = Id(root),
            Title = Text(root, "title") ?? "",
            Data = Binder.Bind<DataOptions>(root["data"]),
            Target = Names(root, "target"),
            Condition = Binder.Bind<ConditionOptions>((root["condition"] as MapNode)?.Without("compressor") ?? root["condition"]),
            Compressor = compressor,
            Latent = latent,
            ConditionCompressor = own,
            ConditionLatent = ownLatent,
            Architecture = Planned<IArchitecture>("architecture", Section(root, "architecture")),
            Strategy = Planned<INoiseStrategy>("strategy", Section(root, "strategy")),
            Augmentations = [.. Items(root["augmentations"]).Select(item => Planned<IAugmentation>("augmentations", item))],
            Training = Binder.Bind<TrainingOptions>(root["training"]),
            Sampling = samplingOptions,
            Sampler = sampler,
            Generation = generation,
            Evaluation = Binder.Bind<EvaluationOptions>((root["evaluation"] as MapNode)?.Without("metrics", "generate") ?? root["evaluation"]),
            Metrics = Metrics(root),
            Expect = Binder.Bind<ExpectOptions>(root["expect"]),
        };
        return Composed(root, () => ExperimentPlan.Compose(draft));
    }

    private static MapNode Identity { get; } = (MapNode)YamlReader.ParseValue("{use: identity}", new Position("compressor"));

    private (SamplingOptions Options, PlannedPart<ISampler> Sampler) Sampler(string section, Node node)
    {
        var part = Registry.Get<ISampler>(Binder.PartOf(node));
        var (sampling, options) = Binder.BindPart<SamplingOptions>(node, part.Value.OptionsType);
        return (sampling, Planned(section, part, options, node));
    }

    /// <summary>The section <c>sampling</c> with other values over it.</summary>
    private GenerationPlan Generation(Node sampling, Node over)
    {
        if (over is not MapNode)
            throw new ConfigurationException(over.Position, $"`generate` is {over.Description}, expected a section with keys of `sampling`, such as {{count: 10}}");
        var (options, sampler) = Sampler("evaluation.generate", Merger.WithoutNulls(new Merger(EngineKeys).Lay(sampling, over, "sampling")));
        return new GenerationPlan(options, sampler);
    }

    private static IReadOnlyDictionary<string, IReadOnlySet<string>> EngineKeys { get; } =
        EngineRecords.ToDictionary(record => record.Key, record => (IReadOnlySet<string>)OptionsShape.Of(record.Value).Keys.ToHashSet(StringComparer.Ordinal));

    private (PlannedPart<ICompressor> Part, LatentOptions Latent) Compressor(string section, Node node)
    {
        if (node is ScalarNode { IsNull: false } name)
            node = new MapNode(name.Position, [new MapEntry("use", name.Position, name)]);
        var part = Registry.Get<ICompressor>(Binder.PartOf(node));
        var (latent, options) = Binder.BindPart<LatentOptions>(node, part.Value.OptionsType);
        return (Planned(section, part, options, node), latent);
    }
}
