using System.Text;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Tests.Configuration;

public sealed class YamlReaderTests
{
    [Fact]
    public void Node_knows_its_line_and_column()
    {
        var node = YamlReader.Parse("a: 1\nb:\n  - x\n  - {c: 2}\n", "f.yaml");

        Assert.Equal("f.yaml:4:9", ((MapNode)((ListNode)node["b"]!).Items[1]).Find("c")!.Value.Position.ToString());
        Assert.Equal("f.yaml:4:6", node.Locate("b.1.c").ToString());
    }

    [Theory]
    [InlineData("a: !!str 1", "f.yaml:1:4", "tag")]
    [InlineData("a: !System.Diagnostics.Process {}", "f.yaml:1:4", "tag")]
    [InlineData("!x\na: 1", "f.yaml:1:1", "tag")]
    [InlineData("a: 1\nb: 2\na: 3", "f.yaml:3:1", "already at line 1")]
    [InlineData("a: 1\n---\nb: 2", "f.yaml:2", "second document")]
    [InlineData("a: *nowhere", "f.yaml:1:4", "nowhere")]
    [InlineData("a: &a [*a]", "f.yaml:1:8", "*a")]
    [InlineData("a: [1, 2\n", "f.yaml:2:1", "not valid YAML")]
    [InlineData("a: 1\nb:\n\tc: 2", "f.yaml:3:", "tab")]
    [InlineData("a: 1\nb: \"x\n\n", "f.yaml:2:4", "not valid YAML")]
    [InlineData("a: 1\nb: [1, 2\nc: 3\n", "f.yaml:2:", "not valid YAML")]
    [InlineData("a: 1\nb: @x\nc: 3\n", "f.yaml:2:", "not valid YAML")]
    [InlineData("a: 1\0: 2", "f.yaml:1:5", "U+0000")]
    [InlineData("? [a, b]\n: 1", "f.yaml:", "key")]
    public void Parse_refuses_with_the_place(string yaml, string place, string reason)
    {
        var e = Assert.Throws<ConfigurationException>(() => YamlReader.Parse(yaml, "f.yaml"));

        Assert.StartsWith(place, e.Message, StringComparison.Ordinal);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Alias_repeats_its_anchor()
    {
        var node = YamlReader.Parse("a: &x {k: 1}\nb: *x", "f.yaml");

        Assert.Equal("1", ((ScalarNode)node["b"]!["k"]!).Text);
    }

    [Fact]
    public void Aliases_that_expand_without_bound_are_refused_at_once()
    {
        var bomb = new StringBuilder("l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n");
        for (var i = 1; i < 30; i++)
            bomb.Append($"l{i}: &l{i} [{string.Join(", ", Enumerable.Repeat($"*l{i - 1}", 10))}]\n");

        var e = Assert.Throws<ConfigurationException>(() => YamlReader.Parse(bomb.ToString(), "f.yaml"));

        Assert.Contains("100000 values", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("[")]
    [InlineData("{a: ")]
    [InlineData("- ")]
    public void Deep_nesting_is_refused(string opening)
    {
        var e = Assert.Throws<ConfigurationException>(() => YamlReader.Parse(string.Concat(Enumerable.Repeat(opening, 10_000)), "f.yaml"));

        Assert.Contains("64 levels", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void File_of_more_than_a_mebibyte_is_refused() =>
        Assert.Contains("1048577 bytes", Refusal(new byte[(1 << 20) + 1]), StringComparison.Ordinal);

    [Fact]
    public void File_that_is_not_UTF8_is_refused() =>
        Assert.Contains("not UTF-8", Refusal([(byte)'a', (byte)':', (byte)' ', 0xE9]), StringComparison.Ordinal);

    [Fact]
    public void File_that_is_absent_is_refused()
    {
        var e = Assert.Throws<ConfigurationException>(() => YamlReader.ReadFile("/no/such.yaml"));

        Assert.Equal("/no/such.yaml: there is no such file", e.Message);
    }

    [Fact]
    public void Folder_is_refused()
    {
        var e = Assert.Throws<ConfigurationException>(() => YamlReader.ReadFile(Path.GetTempPath()));

        Assert.Equal($"{Path.GetTempPath()}: this is a folder, and a YAML file is expected", e.Message);
    }

    [Fact]
    public void Json_with_tabs_and_escapes_is_read()
    {
        var node = YamlReader.Parse("{\n\t\"a\\/b\": [1e-05, true, null, \"\\u00e9\"]\n}", "f.json");

        Assert.Equal(
            [("1e-05", ScalarKind.Real), ("true", ScalarKind.Boolean), ("null", ScalarKind.Null), ("é", ScalarKind.Text)],
            ((ListNode)node["a/b"]!).Items.Cast<ScalarNode>().Select(s => (s.Text, s.Kind)));
    }

    private static string Refusal(byte[] bytes)
    {
        var path = Path.GetTempFileName();
        try
        {
            File.WriteAllBytes(path, bytes);
            return Assert.Throws<ConfigurationException>(() => YamlReader.ReadFile(path)).Message;
        }
        finally
        {
            File.Delete(path);
        }
    }
}
