using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Tests.Data;

/// <summary>Folders that the user may not enter.</summary>
public sealed class ClosedFolderTests : IDisposable
{
    private readonly CohortFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Patient_that_is_closed_is_refused_as_such_whatever_is_allowed()
    {
        _folder.Add("train", "a", "bravo").Add("train", "b", "bravo").Add("test", "c", "bravo");
        ClosedPath.Look(Path.Combine(_folder.Path, "train", "b"), () =>
        {
            var finding = Assert.Single(CohortCheck.Run(_folder.Open(), []), finding => finding.Patient == "b");
            Assert.Equal("is left out: it cannot be read: permission denied.", finding.Finding);
            Assert.True(finding.Refused);
            var options = new DataOptions { Height = 2, Width = 2, Depth = 2, OriginalDepth = 2, AllowMissing = true };
            var refusal = Assert.Throws<PlanException>(() => new CohortDataset(_folder.Open(), "train", options, ["bravo"]));
            Assert.Equal(
                $"{finding.File} cannot be read: permission denied; have it opened to you, or take it out of train.", refusal.Message);
            Assert.Equal("cohort", refusal.Key);
        });
    }

    [Theory]
    [InlineData("", "have it opened to you, or name another one")]
    [InlineData("train", "a split is a folder of patients")]
    [InlineData("train/a", "the only patient")]
    public void Folder_above_all_images_that_is_closed_is_refused_as_such(string closed, string words)
    {
        _folder.Add("train", "a", "bravo");
        var path = Path.Combine(_folder.Path, closed).TrimEnd('/');
        ClosedPath.Look(path, () =>
        {
            var refusal = Assert.Throws<PlanException>(_folder.Open).Message;
            Assert.Contains($"'{path}' cannot be read: permission denied", refusal, StringComparison.Ordinal);
            Assert.True(words == "the only patient" || refusal.Contains(words, StringComparison.Ordinal), refusal);
        });
    }
}
