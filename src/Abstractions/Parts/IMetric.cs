using static TorchSharp.torch;

namespace VoxelZoo.Abstractions;

/// <summary>Builds metrics; the host's view. Implement <see cref="IMetric{TOptions}"/>.</summary>
public interface IMetric : IPart
{
    /// <inheritdoc cref="IMetric{TOptions}.Create"/>
    Metric Create(object options, PartContext context);

    /// <inheritdoc cref="IMetric{TOptions}.Networks"/>
    IReadOnlyList<string> Networks(object options) => [];
}

/// <summary>Builds metrics from options.</summary>
/// <typeparam name="TOptions">The metric's options.</typeparam>
public interface IMetric<TOptions> : IMetric, IPart<TOptions>
    where TOptions : class, new()
{
    /// <summary>Builds the metric. On the device <c>meta</c> it is only asked what it needs, so it reads no file.</summary>
    Metric Create(TOptions options, PartContext context);

    /// <summary>
    /// TorchScript files that the metric loads. libtorch ends the process where it cannot compile one, so the host tries each in a process
    /// of its own before it creates the metric. Default: none.
    /// </summary>
    IReadOnlyList<string> Networks(TOptions options) => [];

    Metric IMetric.Create(object options, PartContext context) => Create((TOptions)options, context);

    IReadOnlyList<string> IMetric.Networks(object options) => Networks((TOptions)options);
}

/// <summary>What a metric compares.</summary>
public enum MetricInputKind
{
    /// <summary>Each generated volume with the reference volume of the same index.</summary>
    PairedVolumes,

    /// <summary>Two sets of feature vectors.</summary>
    Features,

    /// <summary>Two sets of volumes, of any numbers and in any order, of which the metric makes features itself.</summary>
    Volumes,
}

/// <summary>Measures generated volumes or features against real ones.</summary>
public abstract class Metric
{
    /// <summary>What <see cref="Compute"/> needs.</summary>
    public abstract MetricInputKind Needs { get; }

    /// <summary>Whether a larger value is better; it says nothing where there is a <see cref="BestValue"/>. Default false.</summary>
    public virtual bool HigherIsBetter => false;

    /// <summary>
    /// The value that is best where neither more nor less is better, such as 1 of a ratio to real volumes: of two values the nearer one is
    /// the better. Default: none, and <see cref="HigherIsBetter"/> decides. Since contract 1.5.
    /// </summary>
    public virtual double? BestValue => null;

    /// <summary>
    /// Refuses volumes by their shape alone, so that a host can ask before it trains for days. By default every shape is fit.
    /// </summary>
    /// <param name="volume">One volume, without padding.</param>
    /// <exception cref="ArgumentException">
    /// The metric cannot be computed on such volumes; the message says why, with the numbers and a remedy.
    /// </exception>
    public virtual void Check(VolumeShape volume)
    {
    }

    /// <summary>Computes the metric. The tensors belong to the caller.</summary>
    /// <param name="real">
    /// Reference volumes <c>[N, C, D, H, W]</c> in [0, 1], or real features <c>[n, d]</c>.
    /// </param>
    /// <param name="generated">Generated volumes or features, likewise.</param>
    /// <exception cref="ArgumentException">The tensors cannot be compared; the message says why.</exception>
    public abstract MetricResult Compute(Tensor real, Tensor generated);
}

/// <summary>A metric's outcome.</summary>
/// <param name="Value">The number to report.</param>
/// <param name="Values">One value for each volume of a paired metric; else just <paramref name="Value"/>.</param>
public sealed record MetricResult(double Value, IReadOnlyList<double> Values)
{
    /// <summary>What a reader must know to trust the number, one sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Where the number would fall with other samples of the same sizes, if the metric estimates that.</summary>
    public MetricInterval? Interval { get; init; }

    /// <summary>Further numbers by name in snake case, such as <c>std</c> or <c>n_real</c>.</summary>
    public IReadOnlyDictionary<string, double> Details { get; init; } = new Dictionary<string, double>();

    /// <summary>
    /// What the metric took from the data and values have to have in common to be compared, such as <c>sigma 0.8312</c>; null where there
    /// is no such thing. Since contract 1.3.
    /// </summary>
    public string? Basis { get; init; }

    /// <summary>What made features of volumes, so exactly that the number can be repeated; null where nothing did.</summary>
    public string? Extractor { get; init; }

    /// <summary>The mean of one value for each volume.</summary>
    public static MetricResult Mean(IReadOnlyList<double> values) => new(values.Average(), values);
}

/// <summary>An interval about a metric's value.</summary>
/// <param name="Low">Lower end.</param>
/// <param name="High">Upper end.</param>
/// <param name="Level">Share of samples for which the value falls inside, such as 0.95.</param>
public sealed record MetricInterval(double Low, double High, double Level);
