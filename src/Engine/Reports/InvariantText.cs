using System.Globalization;
using System.Runtime.CompilerServices;

namespace VoxelZoo.Engine.Reports;

/// <summary>An interpolated string, or a sum of them, whose numbers are written as everywhere. A sum is no FormattableString.</summary>
[InterpolatedStringHandler]
internal ref struct InvariantText(int literalLength, int formattedCount)
{
    private DefaultInterpolatedStringHandler _text = new(literalLength, formattedCount, CultureInfo.InvariantCulture);

    public void AppendLiteral(string literal) => _text.AppendLiteral(literal);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    /// <summary>The text, once.</summary>
    public string Take() => _text.ToStringAndClear();
}
