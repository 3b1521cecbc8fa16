using System.Text.Json;
using System.Text.RegularExpressions;

namespace VoxelZoo.Engine.Files;

/// <summary>Says what is wrong with a JSON file. The serializer's own words name types of this program and count lines from 0.</summary>
public static partial class JsonFault
{
    /// <summary>What is wrong, without the file's name and without a full stop; of another exception what it says.</summary>
    public static string Why(Exception e)
    {
        if (e is not JsonException json)
            return e.Message;
        var place = json.LineNumber is { } line ? $"line {line + 1}: " : "";
        var what = json.Path is { Length: > 1 } path ? $"`{path.TrimStart('$').TrimStart('.')}`" : "the value";
        if (Missing().Match(e.Message) is { Success: true } missing)
            return $"{place}it lacks {missing.Groups[1].Value.Replace("'", "", StringComparison.Ordinal)}";
        if (Unknown().Match(e.Message) is { Success: true } unknown)
            return $"{place}it has the key `{unknown.Groups[1].Value}`, which no such file has";
        if (e.Message.Contains("could not be converted", StringComparison.Ordinal))
            return $"{place}{what} is of another kind than is expected there";
        if (e.Message.Contains("null values", StringComparison.Ordinal) || e.Message.Contains("nullability", StringComparison.Ordinal))
            return $"{place}{what} is null, and may not be";
        // the reader's own type is not public; a reason that this program gives is of the public one
        if (json.GetType() != typeof(JsonException)
            || (json.InnerException is JsonException reader && reader.GetType() != typeof(JsonException)))
            return $"{place}this is not JSON, or JSON that was cut off";
        return place + Tail().Replace(e.Message, "").TrimEnd('.');
    }

    [GeneratedRegex("missing required properties including: (.+?)\\.?( Path:|$)")]
    private static partial Regex Missing();

    [GeneratedRegex("property '([^']*)' could not be mapped")]
    private static partial Regex Unknown();

    [GeneratedRegex(@"\s*(Path: .*)?\|? ?LineNumber: .*$")]
    private static partial Regex Tail();
}
