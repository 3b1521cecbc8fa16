namespace VoxelZoo.Engine.Reporting;

/// <summary>A plot of losses over steps as SVG, with a logarithmic axis. SVG leaves the fonts to whoever looks at it.</summary>
public static class LossCurve
{
    private static readonly string[] Colours = ["#2b6cb0", "#dd6b20", "#718096"];

    /// <summary>The plot.</summary>
    /// <param name="series">Named lines; points that are not positive and finite are left out.</param>
    /// <param name="horizontal">Name of the horizontal axis.</param>
    public static string Svg(IReadOnlyList<CurveSeries> series, string horizontal) => SvgChart.Of(series, horizontal, Colours);
}

/// <summary>A named line of a plot.</summary>
/// <param name="Name">Shown in the legend, in XML-safe characters.</param>
/// <param name="Points">The points, ordered by X.</param>
public sealed record CurveSeries(string Name, IReadOnlyList<(double X, double Y)> Points);
