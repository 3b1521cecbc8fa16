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
        Assert.Equal(
            $"{_folder.Path}/no/file.txt cannot be written: its folder is not there any more; see what removes it, and do the same again",
            Assert.Throws<UnwrittenException>(() => AtomicFile.WriteText(Path.Combine(_folder.Path, "no", "file.txt"), "")).Message);

    [Fact]
    public void Write_through_a_link_leaves_the_link()
    {
        var link = Path.Combine(_folder.Path, "link.txt");
        File.CreateSymbolicLink(link, Target);
        AtomicFile.WriteText(link, "through");
        Assert.Equal(("through", Target), (File.ReadAllText(Target), new FileInfo(link).LinkTarget));
    }

    // a device by its name would be lost to the whole system where this fails, so the links to some are used
    [Theory]
    [InlineData("/dev/null")]
    [InlineData("/proc/self/fd/1")]
    public void Write_in_place_of_a_device_is_refused(string device)
    {
        var link = Path.Combine(_folder.Path, "link.txt");
        File.CreateSymbolicLink(link, device);
        Assert.Contains(
            "no file is put", Assert.Throws<IOException>(() => AtomicFile.WriteText(link, "")).Message, StringComparison.Ordinal);
        Assert.Equal(device, new FileInfo(link).LinkTarget);
    }
}
