using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;

namespace VoxelZoo.Host.Configuration;

/// <summary>Checks a bound value against the DataAnnotations of its property. A range on a list holds for each item.</summary>
internal static class Limits
{
    public static void Check(PropertyInfo property, string key, object? value, Node node)
    {
        foreach (var limit in property.GetCustomAttributes<ValidationAttribute>())
        {
            if (limit is RangeAttribute range)
                CheckRange(range, key, value, node);
            else if (limit is AllowedValuesAttribute allowed)
                CheckAllowed(allowed, key, value, node);
            else if (value is ICollection list && limit is (MinLengthAttribute or MaxLengthAttribute))
                CheckLength(limit, key, list, node);
            else if (!limit.IsValid(value))
                throw new ConfigurationException(node.Position, $"{Lower(limit.FormatErrorMessage(key)).TrimEnd('.')}, found {node.Description}");
        }
    }

    // not RangeAttribute.IsValid: with integer limits it rounds, and takes 1.4 for within [0, 1]
    private static void CheckRange(RangeAttribute range, string key, object? value, Node node)
    {
        if (value is null)
            return;
        if (value is IEnumerable items and not string)
        {
            var i = 0;
            foreach (var item in items)
            {
                CheckRange(range, $"{key}.{i}", item, node is ListNode list ? list.Items[i] : node);
                i++;
            }

            return;
        }

        var (number, low, high) = (ToDouble(value), ToDouble(range.Minimum), ToDouble(range.Maximum));
        if (number < low || number > high || (range.MinimumIsExclusive && number == low) || (range.MaximumIsExclusive && number == high))
            throw new ConfigurationException(node.Position, $"`{key}` is {Show(number)}, must be {Bounds(range, low, high)}");
    }

    private static string Bounds(RangeAttribute range, double low, double high)
    {
        var atLeast = $"{(range.MinimumIsExclusive ? "above" : "at least")} {Show(low)}";
        var atMost = $"{(range.MaximumIsExclusive ? "below" : "at most")} {Show(high)}";
        var unbounded = high is double.MaxValue or double.PositiveInfinity or int.MaxValue or (double)long.MaxValue;
        return unbounded ? atLeast : $"{atLeast} and {atMost}";
    }

    private static void CheckLength(ValidationAttribute limit, string key, ICollection list, Node node)
    {
        if (limit.IsValid(list))
            return;
        var bound = limit is MinLengthAttribute min ? $"at least {min.Length}" : $"at most {((MaxLengthAttribute)limit).Length}";
        throw new ConfigurationException(node.Position, $"`{key}` is a list of {list.Count}, must have {bound} items");
    }

    private static void CheckAllowed(AllowedValuesAttribute allowed, string key, object? value, Node node)
    {
        if (allowed.IsValid(value))
            return;
        var names = allowed.Values.Select(v => System.Convert.ToString(v, CultureInfo.InvariantCulture) ?? "null").ToArray();
        var suggestion = value is string word ? Spelling.Suggestion(word, names) : "";
        throw new ConfigurationException(node.Position, $"`{key}` is {node.Description}, expected one of {string.Join(", ", names)}{suggestion}");
    }

    private static double ToDouble(object value) => System.Convert.ToDouble(value, CultureInfo.InvariantCulture);

    private static string Show(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    private static string Lower(string sentence) => char.ToLowerInvariant(sentence[0]) + sentence[1..];
}
