using System.Text.Json;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Tests.Files;

public sealed class JsonFaultTests
{
    [Theory]
    [InlineData("{", "line 1: ")]
    [InlineData("[\n1]", "line 2: `[0]` is of another kind than is expected there")]
    [InlineData("{}", "line 1: the value is of another kind than is expected there")]
    [InlineData("[{\"name\": \"compressor\"}]", "it lacks run, checkpoint, component, bytes, sha256")]
    [InlineData("[{\"name\": 3}]", "line 1: `[0].name` is of another kind than is expected there")]
    [InlineData(
        "[{\"name\": null, \"run\": \"\", \"checkpoint\": \"\", \"component\": \"\", \"bytes\": 1, \"sha256\": \"\"}]",
        "is null, and may not be")]
    public void Words_name_the_place_and_no_type_of_the_program(string text, string words)
    {
        var error = Assert.ThrowsAny<JsonException>(() => JsonSerializer.Deserialize<FrozenPart[]>(
            text, new JsonSerializerOptions(AtomicFile.Json) { RespectRequiredConstructorParameters = true }));
        var why = JsonFault.Why(error);
        Assert.Contains(words, why, StringComparison.Ordinal);
        Assert.DoesNotContain("VoxelZoo", why, StringComparison.Ordinal);
        Assert.DoesNotContain("BytePosition", why, StringComparison.Ordinal);
    }
}
