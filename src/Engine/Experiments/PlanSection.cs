using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Experiments;

/// <summary>A section of an experiment that is made of records, as a plan has it.</summary>
/// <param name="Path">Its key, with those of the sections that it is within: <c>condition.compressor</c>.</param>
/// <param name="Part">The id of the part that it names, or null.</param>
/// <param name="Options">The records that share its keys.</param>
public sealed record PlanSection(string Path, string? Part, params object[] Options)
{
    /// <summary>The sections of a plan; one within another comes after it. Lists of parts are none.</summary>
    /// <exception cref="ArgumentException">The plan is of no kind that has an experiment.</exception>
    public static IReadOnlyList<PlanSection> Of(Plan plan) =>
    [
        new("data", null, plan.Data),
        .. plan switch
        {
            ExperimentPlan diffusion => Of(diffusion),
            CompressionPlan compression => Of(compression),
            _ => throw new ArgumentException($"{plan.GetType()} has no sections"),
        },
        new("expect", null, plan.Expect),
    ];

    private static IEnumerable<PlanSection> Of(ExperimentPlan plan) =>
    [
        new("condition", null, plan.Condition),
        plan.ConditionCompressor is { } own
            ? new("condition.compressor", own.Id, plan.ConditionLatent, own.Options)
            : new("condition.compressor", null, plan.ConditionLatent),
        new("compressor", plan.Compressor.Id, plan.Latent, plan.Compressor.Options),
        new("architecture", plan.Architecture.Id, plan.Architecture.Options),
        new("strategy", plan.Strategy.Id, plan.Strategy.Options),
        new("training", null, plan.Training),
        .. plan.TrainingGeneration is { } generation
            ? [new("training.generation", generation.Sampler.Id, generation.Sampling, generation.Sampler.Options, generation.Options)]
            : (PlanSection[])[],
        new("sampling", plan.Sampler.Id, plan.Sampling, plan.Sampler.Options),
        new("evaluation", null, plan.Evaluation),
    ];

    private static IEnumerable<PlanSection> Of(CompressionPlan plan) =>
    [
        new("compressor", plan.Compressor.Id, plan.Compressor.Options),
        new("training", null, plan.Training, plan.Compression),
        new("sampling", null, plan.Sampling),
        new("evaluation", null, plan.Evaluation),
    ];
}
