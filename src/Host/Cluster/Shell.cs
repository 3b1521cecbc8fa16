using System.Buffers;

namespace VoxelZoo.Host.Cluster;

/// <summary>Words of a job script that mean themselves, whatever is in them.</summary>
internal static class Shell
{
    private static readonly SearchValues<char> Plain =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,.@%/");

    /// <summary>A word for bash.</summary>
    public static string Quote(string word) =>
        word.Length > 0 && !word.AsSpan().ContainsAnyExcept(Plain) ? word : $"'{word.Replace("'", @"'\''", StringComparison.Ordinal)}'";

    /// <summary>
    /// A value for a line of <c>#SBATCH</c>, which sbatch takes apart by rules of its own: a backslash keeps the next
    /// character, also in quotes.
    /// </summary>
    public static string QuoteDirective(string value) => !value.AsSpan().ContainsAnyExcept(Plain)
        ? value
        : $"\"{value.Replace(@"\", @"\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
