using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Conformance.ModuleChecks;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Conformance;

/// <summary>Checks a metric: it prefers the real thing, repeats itself, and refuses what it cannot compare.</summary>
public static class MetricConformance
{
    /// <summary>Runs the checks with the metric's tiny options.</summary>
    public static IReadOnlyList<ConformanceCheck> Verify(IMetric part, PartContext context)
    {
        var checks = new CheckList();
        Metric? created = null;
        checks.Run("create", "Create builds a metric, or names the file that it cannot be built without", () =>
        {
            try
            {
                created = part.Create(part.Tiny, context);
                return created is null ? "Create gives null" : null;
            }
            catch (PlanException e) when (NamesNoFile(part.Tiny, e.Key))
            {
                return null;
            }
        });
        if (created is not { } metric)
            return checks.Results;

        using var inputs = NewDisposeScope();
        manual_seed(2);
        var paired = metric.Needs == MetricInputKind.PairedVolumes;
        var features = metric.Needs == MetricInputKind.Features;
        var real = features ? randn([64, 4], ScalarType.Float64) : rand([2, 1, 32, 32, 32]);
        var distorted = features ? real + S(1.0) : (real + randn_like(real) * S(0.3)).clamp(S(0.0), S(1.0));

        // what needs masks is given one for all volumes
        var mask = paired || features ? null : zeros([2, 1, 32, 32, 32]);
        mask?.narrow(2, 12, 8).narrow(3, 12, 8).narrow(4, 12, 8).fill_(S(1.0));
        checks.Run(
            "inputs_untouched",
            "what is compared is left as it is",
            () => Untouched(() => Computed(real, distorted), ("the real set", real), ("the generated set", distorted)));
        if (metric is SetMetric { NeedsTrainingSet: true })
        {
            checks.Run("finds_copies", "a copy of what was trained on is worse than something else", () =>
            {
                var (copy, other) = (Computed(real, real).Value, Computed(real, rand_like(real)).Value);
                return Told(Rank(copy) > Rank(other));

                string? Told(bool worse) => worse ? null : $"a copy has {copy:g4}, something else {other:g4}";
            });
        }
        else
        {
            checks.Run("prefers_real", "real against itself is better than against a distortion", () =>
            {
                var (best, worse) = (Computed(real, real).Value, Computed(real, distorted).Value);
                return double.IsFinite(best) && double.IsFinite(worse) && Rank(best) < Rank(worse)
                    ? null
                    : $"real against itself is {best:g4}, against a distortion {worse:g4}";
            });
        }

        checks.Run("best_value", "BestValue is a number, or none", () =>
            metric.BestValue is { } number && !double.IsFinite(number) ? $"BestValue is {number}" : null);
        checks.Run("values", "a paired metric gives one value a volume, and their mean", () =>
        {
            var result = Computed(real, distorted);
            return result.Values.Count == (paired ? 2 : 1) && Math.Abs(result.Values.Average() - result.Value) < 1e-9
                ? null
                : $"{result.Values.Count} values with mean {(result.Values.Count == 0 ? double.NaN : result.Values.Average()):g4} "
                    + $"beside {result.Value:g4}";
        });
        checks.Run("repeatable", "the same input gives the same value", () =>
            Computed(real, distorted).Value == Computed(real, distorted).Value ? null : "two values of one input differ");
        checks.Run("refusal", "what cannot be compared is refused with an ArgumentException", () =>
        {
            try
            {
                Computed(real, distorted.narrow(1, 0, 1).narrow(-1, 0, 1).unsqueeze(-1));
                return "tensors of different dimensions were compared";
            }
            catch (ArgumentException)
            {
                return null;
            }
        });
        checks.Run("live_tensors", "computing leaves no tensors behind", () => LiveTensorsAreFlat(() => Computed(real, distorted)));
        return checks.Results;

        // less where it is better
        double Rank(double value) =>
            metric.BestValue is { } number ? Math.Abs(value - number) : metric.HigherIsBetter ? -value : value;

        MetricResult Computed(Tensor one, Tensor other) => metric is SetMetric { NeedsMasks: true } masked
            ? masked.Compare(masked.MaskedFeatures(one, mask!), masked.MaskedFeatures(other, mask!))
            : metric.Compute(one, other);
    }

    /// <summary>Whether the option at fault is a text that is not set: a file that the kit cannot know.</summary>
    private static bool NamesNoFile(object options, string? key) => key is not null && options.GetType().GetProperties().Any(option =>
        option.Name.Equals(key.Replace("_", "", StringComparison.Ordinal), StringComparison.OrdinalIgnoreCase)
        && option.PropertyType == typeof(string) && option.GetValue(options) is null);
}
