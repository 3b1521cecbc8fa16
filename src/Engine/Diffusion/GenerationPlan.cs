using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>How an evaluation generates volumes of its own: <c>evaluation.generate</c>, laid over the section <c>sampling</c>.</summary>
/// <param name="Sampling">Count, seed, guidance, split.</param>
/// <param name="Sampler">The sampler.</param>
public sealed record GenerationPlan(SamplingOptions Sampling, PlannedPart<ISampler> Sampler);
