using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Abstractions;

/// <summary>
/// A metric of two sets of volumes that makes features of each volume by itself. So a host never needs to hold a whole set of volumes,
/// and metrics that make the same features can share them.
/// </summary>
public abstract class SetMetric : Metric
{
    /// <summary>
    /// Names what <see cref="Features"/> makes so exactly that metrics of the same name can share features; null where the
    /// metric takes features as they are.
    /// </summary>
    public abstract string? Extractor { get; }

    /// <summary>Whether only the volumes that a model was trained on are a meaningful reference. Default false.</summary>
    public virtual bool NeedsTrainingSet => false;

    /// <summary>Features of volumes, one or more rows each, in their order.</summary>
    /// <param name="volumes">Volumes <c>[N, C, D, H, W]</c> in [0, 1].</param>
    /// <returns>Features <c>[rows, d]</c>, which belong to the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">There are no features of such volumes; the message says why.</exception>
    public abstract Tensor Features(Tensor volumes);

    /// <summary>
    /// Whether features are made with the masks of tumours, by <see cref="MaskedFeatures"/> alone: the host refuses experiments that
    /// have none. Default false. Since contract 1.4.
    /// </summary>
    public virtual bool NeedsMasks => false;

    /// <summary>
    /// <see cref="Features"/> where the tumours in the volumes are known. Default: it makes no difference. Since contract 1.4.
    /// </summary>
    /// <param name="volumes">Volumes <c>[N, C, D, H, W]</c> in [0, 1].</param>
    /// <param name="masks">
    /// Their masks <c>[N, 1, D, H, W]</c>, 0 or 1: of real volumes those of the patient, of generated ones what they were generated from.
    /// </param>
    /// <returns>Features <c>[rows, d]</c>, which belong to the caller's dispose scope.</returns>
    /// <exception cref="ArgumentException">There are no features of such volumes; the message says why.</exception>
    public virtual Tensor MaskedFeatures(Tensor volumes, Tensor masks) => Features(volumes);

    /// <summary>
    /// Both at once: <see cref="Compare(Tensor, Tensor)"/> of the <see cref="Features"/> of each set, or of what is given where the metric
    /// takes features as they are. Since contract 1.5; before, each metric had to.
    /// </summary>
    /// <param name="real">Real volumes <c>[N, C, D, H, W]</c> in [0, 1], or features <c>[n, d]</c>.</param>
    /// <param name="generated">Generated ones, likewise.</param>
    /// <exception cref="ArgumentException">
    /// They cannot be compared, or the metric needs masks, which are not given; the message says why.
    /// </exception>
    public override MetricResult Compute(Tensor real, Tensor generated)
    {
        if (NeedsMasks)
            throw new ArgumentException("features are made with the masks of tumours, and volumes alone are given");
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        return Needs == MetricInputKind.Features
            ? Compare(Given(real, "real", 2), Given(generated, "generated", 2))
            : Compare(Features(Given(real, "real", 5)), Features(Given(generated, "generated", 5)));

        static Tensor Given(Tensor given, string set, int dimensions)
        {
            if (given.dim() != dimensions || given.numel() == 0)
                throw new ArgumentException(
                    $"the {set} set is [{string.Join(", ", given.shape)}], expected "
                    + (dimensions == 2 ? "features [n, d]" : "volumes [N, C, D, H, W]"));
            return FiniteValues.Complaint(given) is { } complaint
                ? throw new ArgumentException($"of the {set} set, {complaint}")
                : given;
        }
    }

    /// <summary>Compares two sets of features. The tensors belong to the caller.</summary>
    /// <param name="real">Features <c>[n, d]</c> of the real volumes.</param>
    /// <param name="generated">Features <c>[m, d]</c> of the generated ones.</param>
    /// <exception cref="ArgumentException">They cannot be compared; the message says why.</exception>
    public abstract MetricResult Compare(Tensor real, Tensor generated);

    /// <summary>
    /// The same where it is known which rows are of one volume; a metric that estimates an interval has to heed that. Default: it makes no
    /// difference. Since contract 1.3.
    /// </summary>
    /// <param name="real">Features of the real volumes.</param>
    /// <param name="generated">Features of the generated ones.</param>
    /// <exception cref="ArgumentException">They cannot be compared; the message says why.</exception>
    public virtual MetricResult Compare(FeatureSet real, FeatureSet generated) => Compare(real.Rows, generated.Rows);

    /// <summary>
    /// This metric, with all that it takes from the data taken from the real set alone: so the values of all generated sets that are
    /// compared with it can be compared with each other. Default: itself, as nothing is taken from the data. Since contract 1.3.
    /// </summary>
    /// <param name="real">Features of the real volumes.</param>
    /// <exception cref="ArgumentException">They are no such features; the message says why.</exception>
    public virtual SetMetric FixedBy(FeatureSet real) => this;
}
