using System.Globalization;

namespace VoxelZoo.Engine.Reports;

/// <summary>Numbers as people write them in a report.</summary>
internal static class Format
{
    public const string None = "-";

    /// <summary>Three or four digits, for losses and metrics.</summary>
    public static string Loss(double? value) => value switch
    {
        null => None,
        0 => "0",
        { } v when Math.Abs(v) is >= 1e-4 and < 1e6 => v.ToString("G4", CultureInfo.InvariantCulture),
        { } v when !double.IsFinite(v) => v.ToString(CultureInfo.InvariantCulture),
        { } v => v.ToString("0.###e0", CultureInfo.InvariantCulture),
    };

    /// <summary>One digit more, so that neighbours in a ranking can be told apart.</summary>
    public static string Ranked(double value) =>
        Math.Abs(value) is >= 1e-4 and < 1e6 ? value.ToString("G5", CultureInfo.InvariantCulture) : Loss(value);

    /// <summary>An option's value, <c>1e-4</c> and the like as it is.</summary>
    public static string Small(double value) =>
        value != 0 && Math.Abs(value) < 1e-3
            ? value.ToString("0.###e0", CultureInfo.InvariantCulture)
            : value.ToString("G6", CultureInfo.InvariantCulture);

    public static string Count(long? value) => value?.ToString("N0", CultureInfo.InvariantCulture) ?? None;

    /// <summary><c>270M</c>, <c>3.48B</c>.</summary>
    public static string Parameters(long? value) => value switch
    {
        null => "not recorded",
        >= 1_000_000_000 => $"{(value.Value / 1e9).ToString("0.00", CultureInfo.InvariantCulture)}B",
        >= 10_000_000 => $"{(value.Value / 1e6).ToString("0", CultureInfo.InvariantCulture)}M",
        >= 1_000_000 => $"{(value.Value / 1e6).ToString("0.0", CultureInfo.InvariantCulture)}M",
        >= 1_000 => $"{(value.Value / 1e3).ToString("0", CultureInfo.InvariantCulture)}k",
        _ => Count(value),
    };

    /// <summary><c>0.38 s</c>, <c>89 s</c>, <c>2.3 min</c>, <c>12.7 h</c>.</summary>
    public static string Time(double? seconds) => seconds switch
    {
        null => None,
        < 1 => $"{seconds.Value.ToString("0.00", CultureInfo.InvariantCulture)} s",
        < 10 => $"{seconds.Value.ToString("0.0", CultureInfo.InvariantCulture)} s",
        < 600 => $"{seconds.Value.ToString("0", CultureInfo.InvariantCulture)} s",
        < 7200 => $"{(seconds.Value / 60).ToString("0", CultureInfo.InvariantCulture)} min",
        _ => $"{(seconds.Value / 3600).ToString("0.0", CultureInfo.InvariantCulture)} h",
    };

    public static string Gibibytes(double? mebibytes) =>
        mebibytes is { } m ? (m / 1024).ToString(m < 10240 ? "0.00" : "0.0", CultureInfo.InvariantCulture) : None;

    public static string Date(DateTimeOffset time) => time.ToString("d MMMM yyyy", CultureInfo.InvariantCulture);

    public static string Plural(long count, string one, string? many = null) => $"{Count(count)} {(count == 1 ? one : many ?? one + "s")}";

    /// <summary>A sentence in one line, short enough for a list.</summary>
    public static string Line(string text, int longest = 400)
    {
        var line = string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));
        return line.Length <= longest ? line : line[..longest] + "…";
    }
}
