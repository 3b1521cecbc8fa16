using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// Turns a resolved experiment of diffusion into a plan: binds each section, loads the plugins that it names, composes the shapes.
/// </summary>
internal sealed class PlanReader(PartRegistry registry) : SectionReader(registry)
{
    /// <summary>The sections of an experiment of diffusion.</summary>
    public static IReadOnlyList<string> Sections { get; } =
    [
        "id", "title", "data", "target", "condition", "compressor", "architecture", "strategy", "augmentations",
        "training", "sampling", "evaluation", "expect", RequiredPlugins.Section,
    ];

    /// <summary>The records of the engine that share a section with a part.</summary>
    public static IReadOnlyDictionary<string, Type> EngineRecords { get; } = new Dictionary<string, Type>
    {
        ["sampling"] = typeof(SamplingOptions),
    };

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
        var (own, ownLatent) = root["condition"]?["compressor"] is { } node
            ? Compressor("condition.compressor", node)
            : (null, new LatentOptions());
        var (metrics, leftOut) = Metrics(root);
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
            Training = Training(root["training"]),
            TrainingGeneration = InTraining(root, sampling, (root["training"] as MapNode)?["generation"]),
            Sampling = samplingOptions,
            Sampler = sampler,
            Generation = generation,
            Evaluation = Binder.Bind<EvaluationOptions>(
                (root["evaluation"] as MapNode)?.Without("metrics", "generate") ?? root["evaluation"]),
            Metrics = metrics,
            LeftOut = leftOut,
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

    private static TrainingOptions Training(Node? training)
    {
        const string own = "generation";
        return training is MapNode map ? Binder.Bind<TrainingOptions>(map.Without(own), [own]) : Binder.Bind<TrainingOptions>(training);
    }

    /// <summary>
    /// What is generated while a run is trained: the section <c>sampling</c> with few volumes and few steps, and other values over that. It
    /// is measured by the distances of sets that the evaluation has, or else by <c>kid</c> of features that need no network.
    /// </summary>
    private TrainingGeneration? InTraining(MapNode root, Node sampling, Node? watched)
    {
        if (watched is null or { IsNull: true })
            return null;
        const string section = "training.generation", metrics = "metrics", steps = "steps";
        if (watched is not MapNode over)
            throw new ConfigurationException(
                watched.Position, $"`generation` is {watched.Description}, expected a section such as {{every: 10, count: 4, steps: 10}}");
        string[] own = [.. OptionsShape.Of(typeof(TrainingGenerationOptions)).Keys];
        var laid = (MapNode)new Merger(EngineKeys).Lay(WithinTraining((MapNode)sampling), over.Without([.. own, metrics]), "sampling");
        var part = Registry.Get<ISampler>(Binder.PartOf(laid));
        List<MapEntry> few = [];
        if (over.Find("count") is null)
            few.Add(new MapEntry("count", over.Position, Assignment.NodeOf(FewVolumes, over.Position)));
        if (over.Find(steps) is null && OptionsShape.Of(part.Value.OptionsType).Keys.Contains(steps))
            few.Add(new MapEntry(steps, over.Position, Assignment.NodeOf(FewSteps, over.Position)));
        var node = Merger.WithoutNulls(new Merger(EngineKeys).Lay(laid, new MapNode(over.Position, [.. few]), "sampling"));
        var (options, ofPart) = Binder.BindPart<SamplingOptions>(node, part.Value.OptionsType, [.. own, metrics]);
        var when = Binder.Bind<TrainingGenerationOptions>(Merger.WithoutNulls(over.Without(over.Keys.Except(own))));
        var measured = over[metrics] is { IsNull: false } named
            ? Items(named).Select(item => Planned<IMetric>(section, item))
            : Features(root, over);
        return new TrainingGeneration(when, options, Planned(section, part, ofPart, node), [.. measured]);
    }

    private const int FewVolumes = 4, FewSteps = 10;

    /// <summary>
    /// What of <c>sampling</c> can be had while a run is trained: its split is another one, and what is chosen after
    /// training is not there yet.
    /// </summary>
    private static MapNode WithinTraining(MapNode sampling)
    {
        string[] weaker = ["guidance_from", "guidance_checkpoint"];
        var guided = weaker.Any(key => sampling[key] is { IsNull: false })
            ? sampling.Keys.Where(key => key.StartsWith("guidance", StringComparison.Ordinal))
            : [];
        return sampling.Without(["split", "ema_length", .. guided]);
    }

    /// <summary>The discrepancies that the evaluation measures by features that are there, or else that which needs no network.</summary>
    private IReadOnlyList<PlannedPart<IMetric>> Features(MapNode root, MapNode over)
    {
        const string section = "training.generation";
        var own = Items((root["evaluation"] as MapNode)?["metrics"]).OfType<MapNode>()
            .Where(item => item["use"] is ScalarNode { Text: "kid" or "cmmd" } && item["extractor"] is not null);
        return Metrics(section, own).Metrics is { Count: > 0 } there
            ? there
            : [Planned<IMetric>(section, YamlReader.ParseValue("{use: kid, extractor: scattering}", over.Position))];
    }

    /// <summary>The section <c>sampling</c> with other values over it.</summary>
    private GenerationPlan Generation(Node sampling, Node over)
    {
        if (over is not MapNode)
            throw new ConfigurationException(
                over.Position, $"`generate` is {over.Description}, expected a section with keys of `sampling`, such as {{count: 10}}");
        var (options, sampler) = Sampler(
            "evaluation.generate", Merger.WithoutNulls(new Merger(EngineKeys).Lay(sampling, over, "sampling")));
        return new GenerationPlan(options, sampler);
    }

    private static IReadOnlyDictionary<string, IReadOnlySet<string>> EngineKeys { get; } =
        EngineRecords.ToDictionary(
            record => record.Key, record => (IReadOnlySet<string>)OptionsShape.Of(record.Value).Keys.ToHashSet(StringComparer.Ordinal));

    private (PlannedPart<ICompressor> Part, LatentOptions Latent) Compressor(string section, Node node)
    {
        if (node is ScalarNode { IsNull: false } name)
            node = new MapNode(name.Position, [new MapEntry("use", name.Position, name)]);
        var part = Registry.Get<ICompressor>(Binder.PartOf(node));
        var (latent, options) = Binder.BindPart<LatentOptions>(node, part.Value.OptionsType);
        return (Planned(section, part, options, node), latent);
    }
}
