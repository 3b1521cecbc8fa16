using System.Globalization;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// What an import does to the intensities of images: <c>percentile 0.5 99.5</c>, <c>zscore</c>, <c>fixed LO HI</c> or <c>keep</c>.
/// </summary>
public sealed record IntensityRule
{
    // standard deviations; what lies beyond is a vessel or a spike, and is clipped
    private const double Farthest = 5;

    private IntensityRule(string name, double low, double high) => (Name, Low, High) = (name, low, high);

    /// <summary>Its name.</summary>
    public string Name { get; }

    /// <summary>The lower number, of those that take two.</summary>
    public double Low { get; }

    /// <summary>The upper number, of those that take two.</summary>
    public double High { get; }

    /// <summary>Reads it.</summary>
    /// <exception cref="PlanException">It is none.</exception>
    public static IntensityRule Parse(string text)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        double Number(string word) =>
            double.TryParse(word, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
                ? number
                : throw Wrong(text);
        double[] numbers = [.. words.Skip(1).Select(Number)];
        return (words.FirstOrDefault(), numbers) switch
        {
            ("keep" or "zscore", []) => new IntensityRule(words[0], 0, 0),
            ("percentile", []) => new IntensityRule(words[0], 0.5, 99.5),
            ("percentile", [>= 0 and var low, <= 100 and var high]) when low < high => new IntensityRule(words[0], low, high),
            ("fixed", [var low, var high]) when low < high => new IntensityRule(words[0], low, high),
            _ => throw Wrong(text),
        };
    }

    /// <summary>What the numbers of images mean then.</summary>
    public KindFacts Facts => Name switch
    {
        "percentile" => new KindFacts(false, "share", new IntensitySpan(0, 1)),
        "zscore" => new KindFacts(false, "sd", new IntensitySpan(-Farthest, Farthest)),
        "fixed" => new KindFacts(false, "source", new IntensitySpan(Low, High)),
        _ => new KindFacts(false, "source", null),
    };

    /// <summary>Whether it leaves intensities as they are.</summary>
    public bool Keeps => Name == "keep";

    /// <summary>Changes intensities.</summary>
    /// <param name="voxels">A volume, <c>[D, H, W]</c>.</param>
    /// <param name="head">The head in it.</param>
    /// <returns>The intensities that became the ends of the span of <see cref="Facts"/>, or null where they were kept.</returns>
    /// <exception cref="InvalidDataException">They are, or become, one number within the head.</exception>
    internal IntensitySpan? Apply(Span<float> voxels, HeadRegion head)
    {
        if (Keeps)
            return null;
        var (low, high) = Name == "fixed" ? Fixed(head.Range(voxels)) : Within(head.Sorted(voxels));
        var unit = Facts.Span!;
        var scale = (unit.High - unit.Low) / (high - low);
        for (var i = 0; i < voxels.Length; i++)
            voxels[i] = (float)(unit.Low + Math.Clamp((voxels[i] - low) * scale, 0, unit.High - unit.Low));
        return new IntensitySpan(low, high);
    }

    /// <summary>As the command line takes it.</summary>
    public override string ToString() =>
        Name is "keep" or "zscore" ? Name : string.Create(CultureInfo.InvariantCulture, $"{Name} {Low} {High}");

    private (double, double) Fixed((float Least, float Greatest) head) =>
        head.Least < High && head.Greatest > Low
            ? (Low, High)
            : throw new InvalidDataException(string.Create(
                CultureInfo.InvariantCulture,
                $"has intensities from {head.Least:G6} to {head.Greatest:G6} in the head, none of which lies between {Low} and ")
                + string.Create(CultureInfo.InvariantCulture, $"{High} (--intensity)"));

    private (double, double) Within(float[] sorted)
    {
        var mean = sorted.Average(value => (double)value);
        var deviation = Math.Sqrt(sorted.Average(value => (value - mean) * (value - mean)));
        var (low, high) = Name == "zscore"
            ? (mean - Farthest * deviation, mean + Farthest * deviation)
            : (Quantile.Of(sorted, Low / 100), Quantile.Of(sorted, High / 100));
        return low < high
            ? (low, high)
            : throw new InvalidDataException(
                string.Create(CultureInfo.InvariantCulture, $"is {low:G6} everywhere in the head between its percentiles"));
    }

    private static PlanException Wrong(string text) =>
        new($"--intensity {text}: expected percentile LOW HIGH, zscore, fixed LOW HIGH or keep, as in --intensity percentile 0.5 99.5.");
}
