using System.Globalization;

namespace VoxelZoo.Engine;

/// <summary>Amounts of memory and of disk for people.</summary>
public static class ByteCount
{
    private static readonly string[] Units = ["bytes", "KiB", "MiB", "GiB"];

    /// <summary>In the largest unit of which there is one at least: <c>512 bytes</c>, <c>13.5 MiB</c>, <c>1.50 GiB</c>.</summary>
    public static string Shown(long bytes)
    {
        var unit = 0;
        for (var amount = Math.Abs((double)bytes); amount >= 1024 && unit < Units.Length - 1; amount /= 1024)
            unit++;
        var digits = unit switch { 0 => "F0", 3 => "F2", _ => "F1" };
        return (bytes / Math.Pow(1024, unit)).ToString(digits, CultureInfo.InvariantCulture) + " " + Units[unit];
    }
}
