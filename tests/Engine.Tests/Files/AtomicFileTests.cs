using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Tests.Files;

public sealed class AtomicFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Target => Path.Combine(_folder.Path, "file.txt");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Write_replaces_the_file()
    {
        AtomicFile.WriteText(Target, "a longer text");
        AtomicFile.WriteText(Target, "é");
        Assert.Equal("é", File.ReadAllText(Target));
        Assert.Equal([Target], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Write_that_fails_leaves_the_old_file_and_nothing_else()
    {
        AtomicFile.WriteText(Target, "old");
        Assert.Throws<TimeoutException>(() => AtomicFile.Write(Target, stream =>
        {
            stream.WriteByte(1);
            throw new TimeoutException();
        }));
        Assert.Equal("old", File.ReadAllText(Target));
        Assert.Equal([Target], Directory.GetFiles(_folder.Path));
    }

    [Fact]
    public void Write_into_a_folder_that_is_not_there_is_refused() =>
        Assert.Throws<DirectoryNotFoundException>(() => AtomicFile.WriteText(Path.Combine(_folder.Path, "no", "file.txt"), ""));
}
