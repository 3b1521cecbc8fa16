using System.Xml.Linq;
using VoxelZoo.Engine.Reports;

namespace VoxelZoo.Engine.Tests.Reports;

public sealed class LossCurveTests
{
    private static XElement[] Lines(params CurveSeries[] series) =>
        [.. XDocument.Parse(LossCurve.Svg(series, "epoch")).Descendants().Where(e => e.Name.LocalName == "polyline")];

    private static double[] Y(XElement line) =>
        [
            .. line.Attribute("points")!.Value.Split(' ')
                .Select(p => double.Parse(p.Split(',')[1], System.Globalization.CultureInfo.InvariantCulture)),
        ];

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
    public void Svg_values_near_each_other_are_on_a_linear_axis()
    {
        var y = Y(Assert.Single(Lines(new CurveSeries("a", [(0, 1.0), (1, 1.5), (2, 2.0)]))));
        Assert.Equal(y[1] - y[0], y[2] - y[1], 0.11);
    }

    [Theory]
    [InlineData(1e-8, 1e30)]
    [InlineData(0.02, 0.9)]
    [InlineData(1, 1)]
    [InlineData(0.999, 3.001)]
    public void Svg_values_lie_within_the_axis(double least, double most)
    {
        var y = Y(Assert.Single(Lines(new CurveSeries("a", [(0, least), (1, most)]))));
        Assert.All(y, value => Assert.InRange(value, 15.9, 280.1));
        Assert.InRange(LossAxis.Of(least, most).Ticks.Count, 2, 12);
    }

    [Fact]
    public void Svg_names_may_hold_any_text() =>
        Assert.Contains(
            "<a> & \"b\"",
            XDocument.Parse(LossCurve.Svg([new CurveSeries("<a> & \"b\"", [(0, 1)])], "epoch")).Root!.Value,
            StringComparison.Ordinal);

    [Fact]
    public void Svg_lines_of_one_colour_are_told_apart_by_dashes()
    {
        var lines = Lines(
            new CurveSeries("a", [(0, 1.0)]) { Colour = 3 }, new CurveSeries("b", [(0, 1.0)]) { Colour = 3, IsDashed = true });
        Assert.Equal(lines[0].Attribute("stroke")!.Value, lines[1].Attribute("stroke")!.Value);
        Assert.Equal([false, true], lines.Select(line => line.Attribute("stroke-dasharray") is not null));
    }

    [Fact]
    public void Svg_without_points_is_still_a_picture() => Assert.Empty(Lines(new CurveSeries("a", [])));

    [Fact]
    public void Svg_a_single_value_is_drawn() => Assert.Single(Y(Assert.Single(Lines(new CurveSeries("a", [(3, 0.5)])))));
}
