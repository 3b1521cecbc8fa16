using VoxelZoo.Abstractions;

namespace VoxelZoo.Conformance;

/// <summary>
/// Checks a part against the contract, on the instance that <see cref="IPart.Tiny"/> describes. Seeds torch's global generator
/// and counts the process's live tensors, so nothing else may use tensors meanwhile.
/// </summary>
public static class PartConformance
{
    /// <summary>Runs the check of its options and all those of its kind; takes about a second.</summary>
    /// <param name="part">A part of any kind.</param>
    /// <param name="context">Device (the CPU), logger and streams for the instances that are created.</param>
    /// <exception cref="ArgumentException">The part is of no kind that the contract knows.</exception>
    public static IReadOnlyList<ConformanceCheck> Verify(IPart part, PartContext context) =>
        [.. OptionsConformance.Verify(part), .. OfKind(part, context)];

    private static IReadOnlyList<ConformanceCheck> OfKind(IPart part, PartContext context) => part switch
    {
        IArchitecture architecture => ArchitectureConformance.Verify(architecture, context),
        INoiseStrategy strategy => StrategyConformance.Verify(strategy, context),
        ICompressor compressor => CompressorConformance.Verify(compressor, context),
        IAugmentation augmentation => AugmentationConformance.Verify(augmentation, context),
        ISampler sampler => SamplerConformance.Verify(sampler, context),
        IMetric metric => MetricConformance.Verify(metric, context),
        _ => throw new ArgumentException($"{part.GetType().Name} is of no kind that the contract knows", nameof(part)),
    };
}
