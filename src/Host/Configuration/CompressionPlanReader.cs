using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>Turns a resolved experiment that trains a compressor into a plan.</summary>
internal sealed class CompressionPlanReader(PartRegistry registry) : SectionReader(registry)
{
    private static readonly string[] Sections =
    [
        "id", "title", "data", "target", "compressor", "training", "sampling", "evaluation", "expect", RequiredPlugins.Section,
    ];

    /// <summary>
    /// Keys of <see cref="TrainingOptions"/> that mean nothing here even with their defaults, and why;
    /// <see cref="CompressionPlan.Compose"/> refuses the others.
    /// </summary>
    private static readonly Dictionary<string, string> Without = new()
    {
        ["epochs"] = "the epochs of a compressor's training are those of its phases; remove `epochs` and set `phases`",
        ["validation_timesteps"] = "a compressor is validated by its reconstructions, which have no timesteps; "
            + "remove `validation_timesteps`",
        ["from_checkpoint"] = CompressionPlan.NoStart,
        ["from_weights"] = CompressionPlan.NoStart,
        ["from_optimizer"] = CompressionPlan.NoStart,
        ["from_tensors"] = CompressionPlan.NoStart,
        ["logged_timesteps"] = "a compressor is validated by its reconstructions, which have no timesteps; remove `logged_timesteps`",
        ["ema_lengths"] = "lengths of averages are chosen where a denoiser is sampled; a compressor has `ema`, so remove `ema_lengths`",
        ["loss"] = "a compressor's losses are those of its phases; remove `loss`, and name them in `phases`",
        ["use"] = "`training` names no part; remove `use`",
    };

    /// <summary>Whether the experiment trains a compressor.</summary>
    public static bool Reads(MapNode root) => ExperimentKinds.Of(section => root[section] is not null) == ExperimentKind.Compression;

    /// <summary>The experiment's plan.</summary>
    /// <exception cref="ConfigurationException">Something in it cannot work; the message says where and what to do.</exception>
    public CompressionPlan Read(MapNode root)
    {
        foreach (var entry in root.Entries.Where(e => !Sections.Contains(e.Key) && PlanReader.Sections.Contains(e.Key)))
            throw new ConfigurationException(
                entry.KeyPosition,
                $"without `architecture` and `strategy` the experiment trains its compressor, which has no `{entry.Key}`; "
                + "remove it, or add the two to train a denoiser");
        RefuseUnknownSections(root, Sections, others: PlanReader.Sections);
        RequiredPlugins.Check(root, Registry.Catalogue);
        var training = root["training"] ?? new MapNode(root.Position, []);
        foreach (var entry in (training as MapNode)?.Entries.Where(e => Without.ContainsKey(e.Key)) ?? [])
            throw new ConfigurationException(entry.KeyPosition, Without[entry.Key]);

        var (options, compression) = Binder.BindPart<TrainingOptions>(training, typeof(CompressionOptions));
        var (metrics, leftOut) = Metrics(root);
        var draft = new CompressionPlan
        {
            Id = Id(root),
            Title = Text(root, "title") ?? "",
            Data = Binder.Bind<DataOptions>(root["data"]),
            Target = Names(root, "target"),
            Compressor = Planned<ICompressor>("compressor", Section(root, "compressor")),
            Training = options,
            Compression = (CompressionOptions)compression,
            Sampling = Binder.Bind<ReconstructionOptions>(root["sampling"]),
            Evaluation = Binder.Bind<ReconstructionEvaluationOptions>(
                (root["evaluation"] as MapNode)?.Without("metrics") ?? root["evaluation"]),
            Metrics = metrics,
            LeftOut = leftOut,
            Expect = Binder.Bind<ExpectOptions>(root["expect"]),
        };
        return Composed(root, () => CompressionPlan.Compose(draft));
    }
}
