using System.Globalization;
using System.Security;
using System.Text;

namespace VoxelZoo.Engine.Reports;

/// <summary>A plot of lines such as losses over steps as SVG. SVG leaves the fonts to whoever looks at it.</summary>
public static class LossCurve
{
    private const int Width = 760, PlotHeight = 264, Left = 64, Right = 16, Top = 16, Bottom = 56, LegendRow = 18, LegendColumns = 2;
    private const int MostMarkers = 40;

    /// <summary>The plot. Its axis is logarithmic where the values span more than a factor of three.</summary>
    /// <param name="series">Named lines; points that are not positive and finite are left out.</param>
    /// <param name="horizontal">Name of the horizontal axis.</param>
    /// <param name="doubling">Whether the horizontal axis is logarithmic too.</param>
    public static string Svg(IReadOnlyList<CurveSeries> series, string horizontal, bool doubling = false)
    {
        bool drawable((double X, double Y) point) => double.IsFinite(point.Y) && point.Y > 0 && (!doubling || point.X > 0);
        double across(double value) => doubling ? Math.Log(value) : value;
        var all = series.SelectMany(s => s.Points).Where(drawable).ToArray();
        var height = Top + PlotHeight + Bottom + LegendRow * ((series.Count + LegendColumns - 1) / LegendColumns);
        if (all.Length == 0)
            return $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{height}\"/>\n";
        var (left, right) = (all.Min(p => p.X), Math.Max(all.Max(p => p.X), all.Min(p => p.X) + 1e-9));
        var axis = LossAxis.Of(all.Min(p => p.Y), all.Max(p => p.Y));
        double x(double value) => Left + (across(value) - across(left)) / (across(right) - across(left)) * (Width - Left - Right);
        double y(double value) => Top + (1 - axis.Position(value)) * PlotHeight;

        var svg = new StringBuilder();
        svg.Append(Text(
            $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" width=\"{Width}\" height=\"{height}\" "
            + $"font-family=\"sans-serif\" font-size=\"12\">\n"));
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
        foreach (var tick in axis.Ticks)
        {
            svg.Append(Text($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{y(tick):F1}\" y2=\"{y(tick):F1}\" stroke=\"#e2e8f0\"/>"));
            svg.Append(Text($"<text x=\"{Left - 6}\" y=\"{y(tick) + 4:F1}\" text-anchor=\"end\">{tick:G3}</text>\n"));
        }

        foreach (var value in doubling ? Doublings(left, right) : HorizontalTicks(left, right))
            svg.Append(Text(
                $"<text x=\"{x(value):F1}\" y=\"{Top + PlotHeight + 16}\" "
                + $"text-anchor=\"{(value == right ? "end" : "middle")}\">{value:G6}</text>\n"));
        svg.Append(Text(
            $"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Top + PlotHeight + 32}\" "
            + $"text-anchor=\"middle\">{Escape(horizontal)}{(axis.IsLogarithmic ? "; the vertical axis is logarithmic" : "")}</text>\n"));
        for (var i = 0; i < series.Count; i++)
        {
            var (points, style) = (series[i].Points.Where(drawable).ToArray(), Style(series[i], i));
            svg.Append(Text($"<polyline {style} points=\"{string.Join(' ', points.Select(p => Text($"{x(p.X):F1},{y(p.Y):F1}")))}\"/>\n"));
            // a line of few points is seen by its points, and one point is no line
            if (points.Length <= MostMarkers)
                svg.Append(string.Concat(points.Select(
                    p => Text($"<circle cx=\"{x(p.X):F1}\" cy=\"{y(p.Y):F1}\" r=\"2\" fill=\"{Colour(series[i], i)}\"/>")))).Append('\n');
            var (legendX, legendY) = (
                Left + i % LegendColumns * (Width - Left - Right) / LegendColumns,
                Top + PlotHeight + Bottom + LegendRow * (i / LegendColumns));
            svg.Append(Text($"<path {style} d=\"M {legendX} {legendY - 4} h 28\"/>"));
            svg.Append(Text($"<text x=\"{legendX + 34}\" y=\"{legendY}\">{Escape(series[i].Name)}</text>\n"));
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>Both ends, and round values between them that are not too near.</summary>
    private static IEnumerable<double> HorizontalTicks(double left, double right)
    {
        if (right - left < 1e-6)
            return [left];
        // epochs and steps are whole
        var step = Math.Max(1, LossAxis.RoundStep((right - left) / 8));
        return
        [
            left,
            .. Enumerable.Range(1, 10).Select(i => (Math.Floor(left / step) + i) * step)
                .Where(tick => tick >= left + step / 2 && tick <= right - step / 2),
            right,
        ];
    }

    /// <summary>Both ends, and doublings of the first as far as they leave room for the last.</summary>
    private static IEnumerable<double> Doublings(double left, double right)
    {
        for (var value = left; value < 0.8 * right; value *= 2)
            yield return value;
        yield return right;
    }

    private static string Style(CurveSeries series, int i) =>
        $"fill=\"none\" stroke=\"{Colour(series, i)}\" stroke-width=\"1.5\"{(series.IsDashed ? " stroke-dasharray=\"6 3\"" : "")}";

    private static string Colour(CurveSeries series, int i) => Colours[(series.Colour ?? i) % Colours.Length];

    // told apart by people who see colours otherwise, too (Okabe and Ito)
    private static readonly string[] Colours =
    [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#718096", "#8c564b",
    ];

    private static string Escape(string text) => SecurityElement.Escape(text);

    private static string Text(InvariantText text) => text.Take();
}

/// <summary>A named line of a plot.</summary>
/// <param name="Name">Shown in the legend.</param>
/// <param name="Points">The points, ordered by X.</param>
public sealed record CurveSeries(string Name, IReadOnlyList<(double X, double Y)> Points)
{
    /// <summary>Number of its colour; by default that of the line.</summary>
    public int? Colour { get; init; }

    /// <summary>Whether it is dashed.</summary>
    public bool IsDashed { get; init; }
}
