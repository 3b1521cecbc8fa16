namespace VoxelZoo.Engine.Reports;

/// <summary>The vertical axis of a plot of losses.</summary>
internal sealed class LossAxis
{
    private const double LeastRatio = 3;
    private const int MostTicks = 9;

    private readonly double _low, _high;

    private LossAxis(bool isLogarithmic, IReadOnlyList<double> ticks)
    {
        (IsLogarithmic, Ticks) = (isLogarithmic, ticks);
        (_low, _high) = (Scaled(ticks[0]), Scaled(ticks[^1]));
    }

    /// <summary>Whether equal ratios are equal distances.</summary>
    public bool IsLogarithmic { get; }

    /// <summary>Round values, the first and the last of which are the ends of the axis.</summary>
    public IReadOnlyList<double> Ticks { get; }

    /// <summary>An axis that holds two positive values and all between them.</summary>
    public static LossAxis Of(double least, double most) => most > LeastRatio * least ? Logarithmic(least, most) : Linear(least, most);

    /// <summary>Where a value lies, from 0 at the bottom to 1 at the top.</summary>
    public double Position(double value) => (Scaled(value) - _low) / (_high - _low);

    /// <summary>The least of 1, 2 and 5 times a power of ten that is not less than a width.</summary>
    public static double RoundStep(double width)
    {
        var unit = Math.Pow(10, Math.Floor(Math.Log10(width)));
        return unit * new[] { 1.0, 2, 5, 10 }.First(factor => factor * unit >= width);
    }

    private double Scaled(double value) => IsLogarithmic ? Math.Log10(value) : value;

    private static LossAxis Linear(double least, double most)
    {
        // wide enough that the noise of a flat curve does not look like a cliff
        var span = Math.Max(most - least, 0.02 * most);
        var step = RoundStep(span / 5);
        var first = Math.Max(0, Math.Floor(least / step));
        var last = Math.Max(first + 1, Math.Ceiling(most / step));
        return new LossAxis(false, [.. Enumerable.Range(0, (int)(last - first) + 1).Select(i => (first + i) * step)]);
    }

    private static LossAxis Logarithmic(double least, double most)
    {
        var (first, last) = ((int)Math.Floor(Math.Log10(least)), (int)Math.Ceiling(Math.Log10(most)));
        if (last - first > 3)
        {
            var step = (last - first + MostTicks - 1) / MostTicks;
            return new LossAxis(
                true, [.. Enumerable.Range(0, (last - first + step - 1) / step + 1).Select(i => Math.Pow(10, first + i * step))]);
        }

        var ticks = Enumerable.Range(first, last - first + 1)
            .SelectMany(exponent => new[] { 1.0, 2, 5 }.Select(digit => digit * Math.Pow(10, exponent))).ToArray();
        return new LossAxis(
            true,
            [
                .. ticks.SkipWhile((_, i) => i + 1 < ticks.Length && ticks[i + 1] <= least).TakeWhile((tick, i) => i == 0 || tick < most),
                ticks.First(tick => tick >= most),
            ]);
    }
}
