using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace VoxelZoo.Host.Configuration;

/// <summary>Writes nodes as YAML that reads again to the same nodes (positions aside).</summary>
internal static partial class YamlWriter
{
    /// <summary>The document, ending in a line feed.</summary>
    public static string Write(Node node)
    {
        var text = new StringBuilder();
        if (IsInline(node))
            text.Append(Inline(node)).Append('\n');
        else
            Block(text, node, 0);
        return text.ToString();
    }

    private static void Block(StringBuilder text, Node node, int indent)
    {
        if (node is MapNode map)
        {
            foreach (var entry in map.Entries)
            {
                text.Append(' ', indent).Append(Key(entry.Key)).Append(':');
                if (IsInline(entry.Value))
                    text.Append(' ').Append(Inline(entry.Value)).Append('\n');
                else
                    Block(text.Append('\n'), entry.Value, indent + 2);
            }
        }
        else if (node is ListNode list)
        {
            foreach (var item in list.Items)
            {
                var start = text.Length;
                if (IsInline(item))
                    text.Append(' ', indent + 2).Append(Inline(item)).Append('\n');
                else
                    Block(text, item, indent + 2);
                text[start + indent] = '-'; // before the item's first line
            }
        }
    }

    private static bool IsInline(Node node) => node switch
    {
        ListNode list => list.Items.All(i => i is ScalarNode or ListNode && IsInline(i)),
        MapNode map => map.Entries.IsEmpty,
        _ => true,
    };

    private static string Inline(Node node) => node switch
    {
        ScalarNode scalar => Scalar(scalar),
        ListNode list => $"[{string.Join(", ", list.Items.Select(Inline))}]",
        _ => "{}",
    };

    private static string Scalar(ScalarNode scalar) => scalar.Kind switch
    {
        ScalarKind.Null => "null",
        ScalarKind.Text when !Unambiguous().IsMatch(scalar.Text) || CoreSchema.KindOf(scalar.Text) != ScalarKind.Text =>
            Quoted(scalar.Text),
        _ => scalar.Text,
    };

    private static string Key(string key) => Unambiguous().IsMatch(key) ? key : Quoted(key);

    private static string Quoted(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\')
                quoted.Append('\\').Append(c);
            else if (c is '\n')
                quoted.Append("\\n");
            else if (char.IsControl(c) || char.IsSurrogate(c) || c is '\u2028' or '\u2029' or '\uFEFF' || c >= '\uFFFE')
                quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}");
            else
                quoted.Append(c);
        }

        return quoted.Append('"').ToString();
    }

    // words and paths that no rule of YAML gives another meaning, in a list or out of it
    [GeneratedRegex(@"^(?:[A-Za-z0-9_/]|\.{1,2}/)[A-Za-z0-9_./+-]*\z")]
    private static partial Regex Unambiguous();
}
