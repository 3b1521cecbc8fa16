using System.Globalization;
using System.Text.RegularExpressions;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// The scalars of YAML 1.2's core schema (section 10.3.2): <c>yes</c> and <c>1_000</c> are texts, <c>1e-4</c> is a number.
/// </summary>
internal static partial class CoreSchema
{
    /// <summary>What an unquoted scalar is.</summary>
    public static ScalarKind KindOf(string plain) => plain switch
    {
        "" or "~" or "null" or "Null" or "NULL" => ScalarKind.Null,
        "true" or "True" or "TRUE" or "false" or "False" or "FALSE" => ScalarKind.Boolean,
        ".nan" or ".NaN" or ".NAN" => ScalarKind.Real,
        _ when IntegerPattern().IsMatch(plain) => ScalarKind.Integer,
        _ when RealPattern().IsMatch(plain) => ScalarKind.Real,
        _ => ScalarKind.Text,
    };

    /// <summary>The integer that a scalar of kind <see cref="ScalarKind.Integer"/> spells, or null where it does not fit.</summary>
    public static long? Integer(string text)
    {
        if (text.StartsWith("0x", StringComparison.Ordinal))
            return long.TryParse(text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var hex) && hex >= 0
                ? hex
                : null;
        if (text.StartsWith("0o", StringComparison.Ordinal))
            return Octal(text[2..]);
        return long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    /// <summary>The number that a scalar of kind <see cref="ScalarKind.Integer"/> or <see cref="ScalarKind.Real"/> spells.</summary>
    public static double Real(string text) => text.TrimStart('+', '-').ToLowerInvariant() switch
    {
        ".nan" => double.NaN,
        ".inf" => text.StartsWith('-') ? double.NegativeInfinity : double.PositiveInfinity,
        ['0', 'x' or 'o', ..] => Integer(text) ?? double.PositiveInfinity,
        _ => double.Parse(text, NumberStyles.Float, CultureInfo.InvariantCulture),
    };

    private static long? Octal(string digits)
    {
        var value = 0L;
        foreach (var digit in digits)
        {
            if (value > long.MaxValue >> 3)
                return null;
            value = (value << 3) + (digit - '0');
        }

        return value;
    }

    [GeneratedRegex(@"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\z")]
    private static partial Regex IntegerPattern();

    [GeneratedRegex(@"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\z|^[-+]?\.(?:inf|Inf|INF)\z")]
    private static partial Regex RealPattern();
}
