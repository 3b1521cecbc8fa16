using System.Globalization;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.CommandLine;

/// <summary>
/// Signals that whoever started the process wants ignored, as <c>nohup</c> does: to heed one of them would be to ignore that.
/// </summary>
internal static class IgnoredSignals
{
    /// <summary>SIGHUP: the terminal has gone.</summary>
    public const int Hangup = 1;

    private const string Field = "SigIgn:";

    /// <summary>Whether a signal is ignored.</summary>
    /// <param name="signal">Its number.</param>
    public static bool Contains(int signal)
    {
        if (!OperatingSystem.IsLinux())
            return false;
        try
        {
            var line = RegularFile.ReadText("/proc/self/status").Split('\n')
                .FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal));
            return line is not null
                && ulong.TryParse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var ignored)
                && (ignored >> (signal - 1) & 1) == 1;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
