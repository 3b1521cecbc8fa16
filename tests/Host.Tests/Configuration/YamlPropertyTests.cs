using CsCheck;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Tests.Configuration;

public sealed class YamlPropertyTests
{
    private const string Seed =
        """
        id: quickstart   # a comment
        extends: [_base/a.yaml, _base/b.yaml]
        target: {images: [bravo, t1_gd], "quoted \u00e9": 'it''s'}
        training: &t
          rate: 1e-4
          text: |
            two
            lines
          folded: >-
            a
            b
        again: *t
        empty:
        list:
          - {use: sda, p: .5}
          - - 1
            - ~
        """;

    private static readonly Position Nowhere = new("generated");

    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String,
        Gen.Char["-:#[]{}&*!|>'\"%@`,? \n\t\\0a1.~é\u2028"].Array[0, 8].Select(c => new string(c)),
        OneOf("true", "null", "~", "1e5", "0x1", "---", "...", "- a", "a: b", "<<", "=", " ", ".inf"))
        .Where(s => s.All(c => !char.IsSurrogate(c)));

    private static readonly Gen<Node> Scalar = Gen.OneOf(
        Text.Select(t => (Node)new ScalarNode(Nowhere, t, ScalarKind.Text)),
        OneOf("1", "-7", "+1", "0x1F", "1e-4", ".5", ".inf", "-.inf", "true", "False", "null", "~")
            .Select(t => (Node)new ScalarNode(Nowhere, t, CoreSchema.KindOf(t))));

    private static readonly Gen<Node> Tree = Nodes(4);

    [Fact]
    public void Written_nodes_are_read_as_the_same_nodes() =>
        Tree.Sample(
            node =>
            {
                var yaml = YamlWriter.Write(node);
                Assert.True(Same(node, YamlReader.Parse(yaml, "f.yaml")), yaml);
            },
            iter: 3000);

    [Fact]
    public void Mutated_yaml_is_read_or_refused_and_nothing_else() =>
        Gen.Select(Gen.Int[0, Seed.Length - 1], Gen.Int[0, 12], Text, Gen.Int[1, 3]).Array[1, 4].Sample(
            edits =>
            {
                var text = Seed;
                foreach (var (at, length, insert, times) in edits)
                {
                    var start = Math.Min(at, text.Length);
                    text = text.Remove(start, Math.Min(length, text.Length - start))
                        .Insert(start, string.Concat(Enumerable.Repeat(insert, times)));
                }

                try
                {
                    YamlReader.Parse(text, "f.yaml");
                }
                catch (ConfigurationException e)
                {
                    Assert.StartsWith("f.yaml:", e.Message, StringComparison.Ordinal);
                    Assert.DoesNotContain('\n', e.Message);
                }
            },
            iter: 5000);

    private static Gen<string> OneOf(params string[] values) => Gen.Int[0, values.Length - 1].Select(i => values[i]);

    private static Gen<Node> Nodes(int depth) => depth == 0
        ? Scalar
        : Gen.OneOf(
            Scalar,
            Nodes(depth - 1).Array[0, 4].Select(items => (Node)new ListNode(Nowhere, [.. items])),
            Gen.Select(Text, Nodes(depth - 1)).Array[0, 4].Select(entries => (Node)new MapNode(
                Nowhere,
                [.. entries.DistinctBy(e => e.Item1).Select(e => new MapEntry(e.Item1, Nowhere, e.Item2))])));

    private static bool Same(Node a, Node b) => (a, b) switch
    {
        (ScalarNode x, ScalarNode y) => x.Kind == y.Kind && (x.Kind == ScalarKind.Null || x.Text == y.Text),
        (ListNode x, ListNode y) => x.Items.Length == y.Items.Length && x.Items.Zip(y.Items).All(p => Same(p.First, p.Second)),
        (MapNode x, MapNode y) => x.Keys.SequenceEqual(y.Keys) && x.Entries.Zip(y.Entries).All(p => Same(p.First.Value, p.Second.Value)),
        _ => false,
    };
}
