using System.Xml.Linq;
using VoxelZoo.Engine.Reporting;

namespace VoxelZoo.Engine.Tests.Reporting;

public sealed class LossCurveTests
{
    private static XElement[] Lines(params CurveSeries[] series) =>
        [.. XDocument.Parse(LossCurve.Svg(series, "epoch")).Descendants().Where(e => e.Name.LocalName == "polyline")];

    private static double[] Y(XElement line) =>
        [.. line.Attribute("points")!.Value.Split(' ').Select(p => double.Parse(p.Split(',')[1], System.Globalization.CultureInfo.InvariantCulture))];

    [Fact]
    public void Svg_equal_ratios_are_equal_distances()
    {
        var y = Y(Assert.Single(Lines(new CurveSeries("a", [(0, 1.0), (1, 0.1), (2, 0.01)]))));
        Assert.Equal(y[1] - y[0], y[2] - y[1], 0.11); // coordinates are written to a tenth
        Assert.True(y[1] > y[0], "smaller losses are lower in the picture");
    }

    [Fact]
    public void Svg_values_without_a_logarithm_are_left_out() =>
        Assert.Equal(2, Y(Assert.Single(Lines(new CurveSeries("a", [(0, 1.0), (1, double.NaN), (2, 0), (3, 0.5)])))).Length);

    [Fact]
    public void Svg_without_points_is_still_a_picture() => Assert.Empty(Lines(new CurveSeries("a", [])));

    [Fact]
    public void Svg_a_single_value_is_drawn() => Assert.Single(Y(Assert.Single(Lines(new CurveSeries("a", [(3, 0.5)])))));
}
