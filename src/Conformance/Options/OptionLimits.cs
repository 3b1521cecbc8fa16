using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

namespace VoxelZoo.Conformance.Options;

/// <summary>What the DataAnnotations of an option say of a value. A range on a list holds for each item.</summary>
internal static class OptionLimits
{
    /// <summary>Why a value is not within the limits of its option, or null.</summary>
    /// <param name="property">The option.</param>
    /// <param name="key">Its key.</param>
    /// <param name="value">The value.</param>
    /// <param name="found">The value as it was written.</param>
    public static BeyondLimit? Of(PropertyInfo property, string key, object? value, string found) =>
        property.GetCustomAttributes<ValidationAttribute>()
            .Select(limit => Of(limit, key, value, found)).FirstOrDefault(fault => fault is not null);

    private static BeyondLimit? Of(ValidationAttribute limit, string key, object? value, string found) => limit switch
    {
        RangeAttribute range => OfRange(range, key, value),
        AllowedValuesAttribute allowed => allowed.IsValid(value) ? null : OfNames(allowed, key, found),
        MinLengthAttribute or MaxLengthAttribute when value is ICollection list => limit.IsValid(list) ? null : OfLength(limit, key, list),
        _ => limit.IsValid(value) ? null : new BeyondLimit($"{Lower(limit.FormatErrorMessage(key)).TrimEnd('.')}, found {found}"),
    };

    // not RangeAttribute.IsValid: with integer limits it rounds, and takes 1.4 for within [0, 1]
    private static BeyondLimit? OfRange(RangeAttribute range, string key, object? value)
    {
        if (value is null)
            return null;
        if (value is IEnumerable items and not string)
            return items.Cast<object?>()
                .Select((item, index) => OfRange(range, $"{key}.{index}", item) is { } fault ? fault with { Item = index } : null)
                .FirstOrDefault(fault => fault is not null);
        var (number, low, high) = (ToDouble(value), ToDouble(range.Minimum), ToDouble(range.Maximum));
        return number < low || number > high || (range.MinimumIsExclusive && number == low) || (range.MaximumIsExclusive && number == high)
            ? new BeyondLimit($"`{key}` is {Show(number)}, must be {Bounds(range, low, high)}")
            : null;
    }

    private static string Bounds(RangeAttribute range, double low, double high)
    {
        var atLeast = $"{(range.MinimumIsExclusive ? "above" : "at least")} {Show(low)}";
        var atMost = $"{(range.MaximumIsExclusive ? "below" : "at most")} {Show(high)}";
        var unbounded = high is double.MaxValue or double.PositiveInfinity or int.MaxValue or (double)long.MaxValue;
        return unbounded ? atLeast : $"{atLeast} and {atMost}";
    }

    private static BeyondLimit OfLength(ValidationAttribute limit, string key, ICollection list)
    {
        var bound = limit is MinLengthAttribute min ? $"at least {min.Length}" : $"at most {((MaxLengthAttribute)limit).Length}";
        return new BeyondLimit($"`{key}` is a list of {list.Count}, must have {bound} items");
    }

    private static BeyondLimit OfNames(AllowedValuesAttribute allowed, string key, string found)
    {
        string[] names = [.. allowed.Values.Select(value => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "null")];
        return new BeyondLimit($"`{key}` is {found}, expected one of {string.Join(", ", names)}") { Names = names };
    }

    private static double ToDouble(object value) => Convert.ToDouble(value, CultureInfo.InvariantCulture);

    private static string Show(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Lower(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..];
}

/// <summary>A value that is not within the limits of its option.</summary>
/// <param name="Sentence">What it is, and what it has to be.</param>
internal sealed record BeyondLimit(string Sentence)
{
    /// <summary>The place of the item of a list that it is about, or null.</summary>
    public int? Item { get; init; }

    /// <summary>The names that are allowed, where that is the limit.</summary>
    public IReadOnlyList<string> Names { get; init; } = [];
}
