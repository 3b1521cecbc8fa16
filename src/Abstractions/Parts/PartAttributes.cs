using System.Composition;

namespace VoxelZoo.Abstractions;

/// <summary>The kinds of parts that a plugin can hold.</summary>
public enum PartKind
{
    /// <summary>Builds the network that predicts from a noisy sample.</summary>
    Architecture,

    /// <summary>Says how noise is added and what the network predicts.</summary>
    Strategy,

    /// <summary>Maps volumes into the space in which diffusion runs, and back.</summary>
    Compressor,

    /// <summary>Changes a training term.</summary>
    Augmentation,

    /// <summary>Turns noise into a sample.</summary>
    Sampler,

    /// <summary>Measures volumes or features.</summary>
    Metric,
}

/// <summary>A MEF export with the part's id and summary as metadata. Use the attribute of the kind.</summary>
[MetadataAttribute]
[AttributeUsage(AttributeTargets.Class)]
public abstract class PartAttribute : ExportAttribute
{
    /// <summary>Creates the export.</summary>
    /// <param name="contract">The kind's interface.</param>
    /// <param name="kind">The kind.</param>
    protected PartAttribute(Type contract, PartKind kind)
        : base(contract) => Kind = kind;

    /// <summary>The kind of the part.</summary>
    public PartKind Kind { get; }

    /// <summary>
    /// What <c>use:</c> names: lower case, digits and underscores, starting with a letter. Overridden in each attribute because
    /// MEF takes as metadata only what the attribute's own class declares.
    /// </summary>
    public abstract string Id { get; }

    /// <summary>One line for listings.</summary>
    public string Summary { get; set; } = "";
}

/// <summary>Marks an <see cref="IArchitecture{TOptions}"/>.</summary>
/// <param name="id">What <c>use:</c> names.</param>
public sealed class ArchitectureAttribute(string id) : PartAttribute(typeof(IArchitecture), PartKind.Architecture)
{
    /// <inheritdoc/>
    public override string Id => id;
}

/// <summary>Marks an <see cref="INoiseStrategy{TOptions}"/>.</summary>
/// <param name="id">What <c>use:</c> names.</param>
public sealed class StrategyAttribute(string id) : PartAttribute(typeof(INoiseStrategy), PartKind.Strategy)
{
    /// <inheritdoc/>
    public override string Id => id;
}

/// <summary>Marks an <see cref="ICompressor{TOptions}"/>.</summary>
/// <param name="id">What <c>use:</c> names.</param>
public sealed class CompressorAttribute(string id) : PartAttribute(typeof(ICompressor), PartKind.Compressor)
{
    /// <inheritdoc/>
    public override string Id => id;
}

/// <summary>Marks an <see cref="IAugmentation{TOptions}"/>.</summary>
/// <param name="id">What <c>use:</c> names.</param>
public sealed class AugmentationAttribute(string id) : PartAttribute(typeof(IAugmentation), PartKind.Augmentation)
{
    /// <inheritdoc/>
    public override string Id => id;
}

/// <summary>Marks an <see cref="ISampler{TOptions}"/>.</summary>
/// <param name="id">What <c>use:</c> names.</param>
public sealed class SamplerAttribute(string id) : PartAttribute(typeof(ISampler), PartKind.Sampler)
{
    /// <inheritdoc/>
    public override string Id => id;
}

/// <summary>Marks an <see cref="IMetric{TOptions}"/>.</summary>
/// <param name="id">What <c>use:</c> names.</param>
public sealed class MetricAttribute(string id) : PartAttribute(typeof(IMetric), PartKind.Metric)
{
    /// <inheritdoc/>
    public override string Id => id;
}
