using System.Collections.Immutable;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Configuration;

/// <summary>
/// Reads one YAML (or JSON) document into nodes. Nothing in a document can name a type: tags are refused. Input is bounded in
/// bytes, depth and in the nodes that aliases expand to.
/// </summary>
internal sealed class YamlReader
{
    private const int LargestFile = 1 << 20;
    private const int DeepestNesting = 64;
    private const long MostNodes = 100_000;

    private readonly Parser _parser;
    private readonly Func<Mark, Position> _positionOf;
    private readonly Dictionary<AnchorName, Node> _anchors = [];
    private long _nodes;

    private YamlReader(string text, Func<Mark, Position> positionOf) =>
        (_parser, _positionOf) = (new Parser(new StringReader(text)), positionOf);

    /// <summary>Reads a file.</summary>
    /// <param name="path">The path, which positions repeat as it is given.</param>
    /// <exception cref="ConfigurationException">The file cannot be read or is not one plain document.</exception>
    public static Node ReadFile(string path)
    {
        var start = new Position(path);
        if (RegularFile.WhyNot(path) is { } why)
            throw new ConfigurationException(start, why.TrimEnd('.'));
        if (Directory.Exists(path))
            throw new ConfigurationException(start, "this is a folder, and a YAML file is expected");
        try
        {
            using var file = RegularFile.OpenRead(path);
            if (file.Length > LargestFile)
                throw new ConfigurationException(start, $"the file has {file.Length} bytes, a configuration at most {LargestFile}");

            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return Parse(new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF'), path);
        }
        catch (DecoderFallbackException e)
        {
            throw new ConfigurationException(start, "the file is not UTF-8 text", e);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ConfigurationException(start, "there is no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new ConfigurationException(start, $"cannot read the file: {e.Message}", e);
        }
    }

    /// <summary>Reads text; positions count lines of <paramref name="source"/>.</summary>
    public static Node Parse(string text, string source) =>
        Parse(text, mark => new Position(source, (int)mark.Line, (int)mark.Column));

    /// <summary>Reads the value of a command-line option; every position is the option.</summary>
    public static Node ParseValue(string text, Position option) => Parse(text, _ => option);

    private static Node Parse(string text, Func<Mark, Position> positionOf)
    {
        RefuseControlCharacters(text, positionOf);
        var reader = new YamlReader(text, positionOf);
        try
        {
            return reader.Document();
        }
        catch (YamlException e)
        {
            var reason = (e.InnerException as YamlException ?? e).Message.ReplaceLineEndings(" ").TrimEnd('.');
            var place = reason.Contains("tab as indentation", StringComparison.Ordinal) ? IndentingTab(text) : null;
            throw new ConfigurationException(
                positionOf(place ?? e.Start), $"not valid YAML: {char.ToLowerInvariant(reason[0])}{reason[1..]}", e);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException)
        {
            // YamlDotNet's scanner has its own bugs: `[x -é[{` is one
            throw new ConfigurationException(positionOf(reader._parser.Current?.End ?? Mark.Empty), "not valid YAML after this place", e);
        }
    }

    // the parser names the beginning of the section that the tab breaks, not the tab
    private static Mark? IndentingTab(string text) =>
        text.Split('\n')
            .Select((line, i) => (Number: i + 1, Column: line.Length - line.TrimStart(' ').Length + 1, Line: line))
            .Where(l => l.Line.TrimStart(' ').StartsWith('\t'))
            .Select(l => (Mark?)new Mark(0, l.Number, l.Column))
            .FirstOrDefault();

    // the parser takes NUL for the end of the input and would silently drop what follows
    private static void RefuseControlCharacters(string text, Func<Mark, Position> positionOf)
    {
        int line = 1, column = 1;
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsControl(text[i]) && text[i] is not ('\t' or '\n' or '\r' or '\u0085'))
                throw new ConfigurationException(
                    positionOf(new Mark(i, line, column)), $"control character U+{(int)text[i]:X4} is not allowed");
            (line, column) = text[i] == '\n' ? (line + 1, 1) : (line, column + 1);
        }
    }

    private Node Document()
    {
        _parser.Consume<StreamStart>();
        if (_parser.TryConsume<StreamEnd>(out var end))
            return new ScalarNode(_positionOf(end.Start), "", ScalarKind.Null);

        _parser.Consume<DocumentStart>();
        var root = Value(1);
        _parser.Consume<DocumentEnd>();
        if (!_parser.Accept<StreamEnd>(out _))
            throw new ConfigurationException(
                _positionOf(_parser.Current!.Start), "a second document begins here; a configuration is one document");
        return root;
    }

    private Node Value(int depth)
    {
        if (depth > DeepestNesting)
            throw new ConfigurationException(_positionOf(_parser.Current!.Start), $"nested deeper than {DeepestNesting} levels");
        if (_parser.TryConsume<AnchorAlias>(out var alias))
            return Aliased(alias, _positionOf(alias.Start), depth);

        var next = _parser.Consume<NodeEvent>();
        var position = _positionOf(next.Start);
        if (!next.Tag.IsEmpty)
            throw new ConfigurationException(position, $"the tag {next.Tag} is not allowed; a part is named by `use:`");

        Count(1, position);
        Node node = next switch
        {
            Scalar scalar =>
                new ScalarNode(
                    position, scalar.Value, scalar.Style == ScalarStyle.Plain ? CoreSchema.KindOf(scalar.Value) : ScalarKind.Text),
            SequenceStart => List(position, depth),
            _ => Map(position, depth),
        };
        if (!next.Anchor.IsEmpty)
            _anchors[next.Anchor] = node;
        return node;
    }

    private Node Aliased(AnchorAlias alias, Position position, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value, out var node))
            throw new ConfigurationException(position, $"the alias *{alias.Value} has no anchor &{alias.Value} before it");
        if (depth + node.Depth > DeepestNesting)
            throw new ConfigurationException(position, $"nested deeper than {DeepestNesting} levels");
        Count(node.Size, position);
        return node;
    }

    private ListNode List(Position position, int depth)
    {
        var items = ImmutableArray.CreateBuilder<Node>();
        while (!_parser.TryConsume<SequenceEnd>(out _))
            items.Add(Value(depth + 1));
        return new ListNode(position, items.ToImmutable());
    }

    private MapNode Map(Position position, int depth)
    {
        var entries = ImmutableArray.CreateBuilder<MapEntry>();
        var seen = new Dictionary<string, Position>(StringComparer.Ordinal);
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            if (Value(depth + 1) is not ScalarNode key)
                throw new ConfigurationException(_positionOf(_parser.Current!.Start), "a key must be a single word");
            if (!seen.TryAdd(key.Text, key.Position))
                throw new ConfigurationException(key.Position, $"the key `{key.Text}` is already at line {seen[key.Text].Line}");
            entries.Add(new MapEntry(key.Text, key.Position, Value(depth + 1)));
        }

        return new MapNode(position, entries.ToImmutable());
    }

    private void Count(long nodes, Position position)
    {
        _nodes += nodes;
        if (_nodes > MostNodes)
            throw new ConfigurationException(position, $"more than {MostNodes} values, aliases expanded");
    }
}
