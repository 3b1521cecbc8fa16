using System.Text.Json.Nodes;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Tests.Files;

public sealed class JsonDifferenceTests
{
    [Theory]
    [InlineData("1", "2", "x is 1, mine is 2")]
    [InlineData("null", "\"a\"", "x is none, mine is \"a\"")]
    [InlineData(
        """{"a": 1, "b": {"c": [1, 2], "d": 0}}""", """{"a": 1, "b": {"c": [1, 3], "d": 1}}""",
        "x is another one: b.c is [1,2], mine is [1,3]")]
    [InlineData("""{"a": 1}""", """{"a": 1, "b": 2}""", "x is another one: b is none, mine is 2")]
    [InlineData("""{"a": 1, "b": 2}""", """{"a": 1}""", "x is another one: b is 2, mine is none")]
    public void First_key_that_differs_is_named_with_both_values(string there, string wanted, string words) =>
        Assert.Equal(words, JsonDifference.Between("x", JsonNode.Parse(there), JsonNode.Parse(wanted), "mine"));
}
