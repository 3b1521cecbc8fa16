using System.Globalization;
using System.Text;

namespace VoxelZoo.Engine.Reports;

/// <summary>Writes Markdown.</summary>
internal static class Markdown
{
    /// <summary>Adds a line, with numbers as they are written everywhere.</summary>
    public static void Line(StringBuilder text, InvariantText line) => text.Append(line.Take()).Append('\n');

    /// <summary>A tensor's shape without the batch: <c>1×32×128×64</c>.</summary>
    public static string Shape(IEnumerable<long> shape) => string.Join('×', shape.Skip(1));

    /// <summary>A metric's value, or a dash where it has none.</summary>
    public static string Measure(double? value) => value?.ToString("F3", CultureInfo.InvariantCulture) ?? "–";
}
