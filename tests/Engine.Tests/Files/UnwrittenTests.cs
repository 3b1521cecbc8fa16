using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Tests.Files;

/// <summary>The numbers are those of Linux, as .NET hands them on.</summary>
public sealed class UnwrittenTests
{
    [Theory]
    [InlineData(28, "there is no room left on the disk; make room, and do the same again")]
    [InlineData(122, "the user's quota of the disk is used up; make room, and do the same again")]
    [InlineData(30, "the file system is read-only; make the folder writable, or write into another one")]
    [InlineData(27, "the file would be larger than the system allows; raise the limit (ulimit -f), and do the same again")]
    [InlineData(5, "the disk reports an error; see to the disk, and do the same again")]
    public void Reason_and_remedy_are_said_instead_of_the_systems_words(int number, string sentence) =>
        Assert.Equal($"/run/a.json cannot be written: {sentence}", Message(new IOException("words : '/run/a.json.7.tmp'", number)));

    [Fact]
    public void Missing_permission_is_named() =>
        Assert.Equal(
            "/run/a.json cannot be written: this user may not write there; make the folder writable, or write into another one",
            Message(new UnauthorizedAccessException("words")));

    [Fact]
    public void File_within_what_is_written_under_another_name_is_called_by_its_last_one()
    {
        var error = Assert.Throws<UnwrittenException>(() => Unwritten.Named(
            "/run/00003", () => Unwritten.Named("/run/.tmp-3/a.nii.gz", () => throw new IOException("", 28)), "/run/.tmp-3"));
        Assert.Equal("/run/00003/a.nii.gz", error.Path);
        Assert.StartsWith("/run/00003/a.nii.gz cannot be written: there is no room", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_fault_of_writing_is_left_as_it_is() =>
        Assert.Throws<InvalidDataException>(() => Unwritten.Named("/run/a.json", () => throw new InvalidDataException()));

    private static string Message(Exception cause) =>
        Assert.Throws<UnwrittenException>(() => Unwritten.Named("/run/a.json", () => throw cause)).Message;
}
