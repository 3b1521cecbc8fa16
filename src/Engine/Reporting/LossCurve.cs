using System.Globalization;
using System.Text;

namespace VoxelZoo.Engine.Reporting;

/// <summary>A plot of losses over steps as SVG, with a logarithmic axis. SVG leaves the fonts to whoever looks at it.</summary>
public static class LossCurve
{
    private const int Width = 760, Height = 320, Left = 64, Right = 16, Top = 16, Bottom = 40;
    private static readonly string[] Colours = ["#2b6cb0", "#dd6b20", "#718096"];

    /// <summary>The plot.</summary>
    /// <param name="series">Named lines; points that are not positive and finite are left out.</param>
    /// <param name="horizontal">Name of the horizontal axis.</param>
    public static string Svg(IReadOnlyList<CurveSeries> series, string horizontal)
    {
        var all = series.SelectMany(s => s.Points).Where(IsDrawable).ToArray();
        if (all.Length == 0)
            return $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{Height}\"/>\n";
        var (left, right) = (all.Min(p => p.X), Math.Max(all.Max(p => p.X), all.Min(p => p.X) + 1e-9));
        var (low, high) = (Math.Floor(2 * Math.Log10(all.Min(p => p.Y))) / 2, Math.Ceiling(2 * Math.Log10(all.Max(p => p.Y))) / 2);
        if (high == low)
            high += 0.5;
        double x(double value) => Left + (value - left) / (right - left) * (Width - Left - Right);
        double y(double value) => Top + (high - Math.Log10(value)) / (high - low) * (Height - Top - Bottom);

        var svg = new StringBuilder();
        svg.Append(Text($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {Height}\" width=\"{Width}\" height=\"{Height}\" font-family=\"sans-serif\" font-size=\"12\">\n"));
        svg.Append("<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n");
        for (var exponent = low; exponent <= high + 1e-9; exponent += 0.5)
        {
            var at = y(Math.Pow(10, exponent));
            svg.Append(Text($"<line x1=\"{Left}\" x2=\"{Width - Right}\" y1=\"{at:F1}\" y2=\"{at:F1}\" stroke=\"#e2e8f0\"/>"));
            svg.Append(Text($"<text x=\"{Left - 6}\" y=\"{at + 4:F1}\" text-anchor=\"end\">{Math.Pow(10, exponent):G2}</text>\n"));
        }

        foreach (var (value, anchor) in new[] { (left, "start"), (right, "end") })
            svg.Append(Text($"<text x=\"{x(value):F1}\" y=\"{Height - Bottom + 16}\" text-anchor=\"{anchor}\">{value:G6}</text>\n"));
        svg.Append(Text($"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">{horizontal}</text>\n"));
        for (var i = 0; i < series.Count; i++)
        {
            var colour = Colours[i % Colours.Length];
            var points = string.Join(' ', series[i].Points.Where(IsDrawable).Select(p => Text($"{x(p.X):F1},{y(p.Y):F1}")));
            svg.Append(Text($"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{points}\"/>"));
            svg.Append(Text($"<text x=\"{Width - Right - 4}\" y=\"{Top + 14 + 16 * i}\" text-anchor=\"end\" fill=\"{colour}\">{series[i].Name}</text>\n"));
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static bool IsDrawable((double X, double Y) point) => double.IsFinite(point.Y) && point.Y > 0;

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}

/// <summary>A named line of a plot.</summary>
/// <param name="Name">Shown in the legend, in XML-safe characters.</param>
/// <param name="Points">The points, ordered by X.</param>
public sealed record CurveSeries(string Name, IReadOnlyList<(double X, double Y)> Points);
