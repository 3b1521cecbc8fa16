using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Tests.Data;

namespace VoxelZoo.Engine.Tests.Files;

public sealed class StagedFolderTests : IDisposable
{
    private readonly TemporaryFolder _work = new();

    [Fact]
    public void Link_to_an_empty_folder_stays_and_the_folder_is_filled()
    {
        var (target, link) = (Path.Combine(_work.Path, "target"), Path.Combine(_work.Path, "link"));
        Directory.CreateDirectory(target);
        Directory.CreateSymbolicLink(link, target);

        StagedFolder.Put(link, made => File.WriteAllText(Path.Combine(made, "file"), "whole"));

        Assert.Equal(target, new DirectoryInfo(link).LinkTarget);
        Assert.Equal("whole", File.ReadAllText(Path.Combine(target, "file")));
        Assert.Equal(["link", "target"], Directory.GetFileSystemEntries(_work.Path).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void What_fails_leaves_nothing()
    {
        var folder = Path.Combine(_work.Path, "folder");

        Assert.Throws<InvalidOperationException>(() => StagedFolder.Put(folder, made =>
        {
            File.WriteAllText(Path.Combine(made, "file"), "half");
            throw new InvalidOperationException();
        }));

        Assert.Empty(Directory.GetFileSystemEntries(_work.Path));
    }

    public void Dispose() => _work.Dispose();
}
