using VoxelZoo.Engine.Tests.Data;

namespace VoxelZoo.Engine.Tests;

public sealed class NearPathsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public NearPathsTests()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "tiny.yaml"), "");
        Directory.CreateDirectory(Path.Combine(_folder.Path, "run-a"));
    }

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("tiny.yml", "tiny.yaml")]
    [InlineData("tiny", "tiny.yaml")]
    [InlineData("tiyn.yaml", "tiny.yaml")]
    [InlineData("rum-a", "run-a")]
    [InlineData("rum-a/", "run-a")]
    [InlineData("other", null)]
    [InlineData("no/tiny.yaml", null)]
    public void Suggestion_is_what_lies_in_the_same_folder_under_the_nearest_name(string typed, string? near) =>
        Assert.Equal(
            near is null ? "" : $"; did you mean `{Path.Combine(_folder.Path, near)}`?",
            NearPaths.Suggestion(_folder.Path + "/" + typed, Path.Exists));

    [Fact]
    public void Suggestion_is_of_the_kind_that_is_looked_for() =>
        Assert.Equal("", NearPaths.Suggestion(Path.Combine(_folder.Path, "rum-a"), File.Exists));
}
