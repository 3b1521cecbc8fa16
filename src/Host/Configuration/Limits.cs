using System.Reflection;

namespace VoxelZoo.Host.Configuration;

/// <summary>Checks a bound value against the DataAnnotations of its property.</summary>
internal static class Limits
{
    public static void Check(PropertyInfo property, string key, object? value, Node node)
    {
        if (OptionLimits.Of(property, key, value, node.Description) is not { } fault)
            return;
        var place = fault.Item is { } item && node is ListNode list ? list.Items[item].Position : node.Position;
        throw new ConfigurationException(place, fault.Sentence + (value is string word ? Spelling.Suggestion(word, fault.Names) : ""));
    }
}
