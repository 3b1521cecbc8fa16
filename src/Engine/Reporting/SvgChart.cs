using System.Globalization;
using System.Text;

namespace VoxelZoo.Engine.Reporting;

/// <summary>Lines on a logarithmic vertical axis, as SVG, which leaves the fonts to whoever looks at it.</summary>
internal static class SvgChart
{
    private const int Width = 760, Height = 320, Left = 64, Right = 16, Top = 16, Bottom = 40;

    /// <summary>The picture.</summary>
    /// <param name="series">Named lines; points that are not positive and finite are left out.</param>
    /// <param name="horizontal">Name of the horizontal axis.</param>
    /// <param name="colours">Colours of the lines, in their order.</param>
    /// <param name="doubling">Whether the horizontal axis is logarithmic too, with each point marked.</param>
    public static string Of(IReadOnlyList<CurveSeries> series, string horizontal, IReadOnlyList<string> colours, bool doubling = false)
    {
        double across(double value) => doubling ? Math.Log10(value) : value;
        bool drawable((double X, double Y) point) => double.IsFinite(point.Y) && point.Y > 0 && (!doubling || point.X > 0);

        var all = series.SelectMany(s => s.Points).Where(drawable).ToArray();
        if (all.Length == 0)
            return $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{Width}\" height=\"{Height}\"/>\n";
        var (first, last) = (all.Min(p => p.X), all.Max(p => p.X));
        var (left, right) = (across(first), Math.Max(across(last), across(first) + 1e-9));
        var (low, high) = (Math.Floor(2 * Math.Log10(all.Min(p => p.Y))) / 2, Math.Ceiling(2 * Math.Log10(all.Max(p => p.Y))) / 2);
        if (high == low)
            high += 0.5;
        double x(double value) => Left + (across(value) - left) / (right - left) * (Width - Left - Right);
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

        (double Value, string Anchor)[] marks =
        [
            (first, "start"), .. doubling ? Doublings(first, last).Select(value => (value, "middle")) : [], (last, "end"),
        ];
        foreach (var (value, anchor) in marks)
            svg.Append(Text($"<text x=\"{x(value):F1}\" y=\"{Height - Bottom + 16}\" text-anchor=\"{anchor}\">{value:G6}</text>\n"));
        svg.Append(Text($"<text x=\"{(Left + Width - Right) / 2}\" y=\"{Height - 8}\" text-anchor=\"middle\">{horizontal}</text>\n"));
        for (var i = 0; i < series.Count; i++)
        {
            var (colour, points) = (colours[i % colours.Count], series[i].Points.Where(drawable).ToArray());
            svg.Append(Text($"<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{string.Join(' ', points.Select(p => Text($"{x(p.X):F1},{y(p.Y):F1}")))}\"/>"));
            foreach (var point in doubling ? points : [])
                svg.Append(Text($"<circle cx=\"{x(point.X):F1}\" cy=\"{y(point.Y):F1}\" r=\"3\" fill=\"{colour}\"/>"));
            svg.Append(Text($"<text x=\"{Width - Right - 4}\" y=\"{Top + 14 + 16 * i}\" text-anchor=\"end\" fill=\"{colour}\">{series[i].Name}</text>\n"));
        }

        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>1, 2, 4 and so on times the first value, as far as they leave room for the last.</summary>
    private static IEnumerable<double> Doublings(double first, double last)
    {
        for (var value = 2 * first; value < 0.8 * last; value *= 2)
            yield return value;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
