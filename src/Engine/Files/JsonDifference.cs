using System.Text.Json.Nodes;

namespace VoxelZoo.Engine.Files;

/// <summary>Says in words where two JSON values differ first.</summary>
internal static class JsonDifference
{
    private const int Longest = 80;

    /// <summary>Such as <c>preparation is another: height is 32, the experiment's 64</c>.</summary>
    /// <param name="name">What the values are.</param>
    /// <param name="there">The one.</param>
    /// <param name="wanted">The other.</param>
    /// <param name="whose">Whose the other is.</param>
    public static string Between(string name, JsonNode? there, JsonNode? wanted, string whose)
    {
        var (key, one, other) = First("", there, wanted);
        return $"{name} is {(key.Length == 0 ? "" : $"another one: {key} is ")}{Short(one)}, {whose} is {Short(other)}";
    }

    private static (string Key, JsonNode? There, JsonNode? Wanted) First(string key, JsonNode? there, JsonNode? wanted)
    {
        if (there is JsonObject one && wanted is JsonObject other)
        {
            foreach (var name in one.Select(field => field.Key).Union(other.Select(field => field.Key)))
            {
                if (!JsonNode.DeepEquals(one[name], other[name]))
                    return First(key.Length == 0 ? name : $"{key}.{name}", one[name], other[name]);
            }
        }

        return (key, there, wanted);
    }

    private static string Short(JsonNode? value) =>
        (value?.ToJsonString() ?? "none") is var text && text.Length > Longest ? text[..(Longest - 3)] + "…" : text;
}
