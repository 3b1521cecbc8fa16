using System.Globalization;
using System.Text.RegularExpressions;

namespace VoxelZoo.Host.Cluster;

/// <summary>A time limit as SLURM writes it: <c>HH:MM:SS</c> or <c>D-HH:MM:SS</c>.</summary>
internal readonly partial record struct WallTime(TimeSpan Length)
{
    /// <summary>Reads one.</summary>
    /// <exception cref="UsageException">It is none, or shorter than a minute, which is the finest that SLURM counts in.</exception>
    public static WallTime Parse(string text)
    {
        if (Pattern().Match(text) is not { Success: true } match)
            throw new UsageException($"--time {text}: expected HH:MM:SS or D-HH:MM:SS, as in 12:00:00");
        int Field(string name) => match.Groups[name] is { Success: true } group ? int.Parse(group.Value, CultureInfo.InvariantCulture) : 0;
        var length = new TimeSpan(Field("days"), Field("hours"), Field("minutes"), Field("seconds"));
        if (length < TimeSpan.FromMinutes(1))
            throw new UsageException($"--time {text}: a segment takes at least 00:01:00");
        return new WallTime(length);
    }

    /// <summary>As SLURM writes it.</summary>
    public override string ToString() => Length.Days > 0
        ? Length.ToString(@"d\-hh\:mm\:ss", CultureInfo.InvariantCulture)
        : Length.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture);

    // at most 9999 hours or 999 days, so that no number overflows
    [GeneratedRegex(
        @"^((?<days>\d{1,3})-)?(?<hours>\d{1,4}):(?<minutes>[0-5]\d):(?<seconds>[0-5]\d)\z",
        RegexOptions.ExplicitCapture | RegexOptions.CultureInvariant)]
    private static partial Regex Pattern();
}
