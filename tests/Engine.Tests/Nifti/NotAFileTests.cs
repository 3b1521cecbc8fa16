using System.Diagnostics;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Engine.Tests.Nifti;

/// <summary>What stands where a file belongs and would be waited for, or goes in a circle.</summary>
public sealed class NotAFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string At(string name) => Path.Combine(_folder.Path, name);

    private string Pipe()
    {
        using var made = Process.Start("mkfifo", [At("pipe.nii")]);
        made.WaitForExit();
        Assert.Equal(0, made.ExitCode);
        return At("pipe.nii");
    }

    [Fact]
    public void Pipe_is_refused_without_being_opened()
    {
        var pipe = Pipe();

        var error = Assert.Throws<InvalidDataException>(() => new NiftiSource(pipe));

        Assert.Equal($"{pipe}: this is not a file but a pipe or a device; write it to a file first.", error.Message);
    }

    [Fact]
    public void Link_to_a_pipe_is_no_file_and_one_to_a_file_is()
    {
        File.CreateSymbolicLink(At("to_pipe"), Pipe());
        File.WriteAllText(At("file"), "");
        File.CreateSymbolicLink(At("to_file"), At("file"));

        Assert.NotNull(RegularFile.WhyNot(At("to_pipe")));
        Assert.Null(RegularFile.WhyNot(At("to_file")));
        Assert.Null(RegularFile.WhyNot(_folder.Path));
        Assert.Null(RegularFile.WhyNot(At("absent")));
    }

    [Fact]
    public void Link_that_leads_nowhere_is_said_to()
    {
        File.CreateSymbolicLink(At("a.nii"), At("absent"));
        Assert.Equal(
            $"{At("a.nii")}: this is a symbolic link that leads nowhere; point it at a file.",
            Assert.Throws<InvalidDataException>(() => new NiftiSource(At("a.nii"))).Message);
        Assert.Equal(
            $"{At("a.nii")}: this is a symbolic link that leads nowhere; point it at a file",
            Assert.Throws<FileNotFoundException>(() => RegularFile.OpenRead(At("a.nii"))).Message);
        Assert.Equal(
            $"{At("absent")}: there is no such file",
            Assert.Throws<FileNotFoundException>(() => RegularFile.OpenRead(At("absent"))).Message);
    }

    [Fact]
    public void Link_that_leads_back_to_itself_is_said_to()
    {
        File.CreateSymbolicLink(At("a.nii"), At("b.nii"));
        File.CreateSymbolicLink(At("b.nii"), At("a.nii"));

        var error = Assert.Throws<InvalidDataException>(() => new NiftiSource(At("a.nii")));

        Assert.Equal($"{At("a.nii")}: this is a symbolic link that leads back to itself; point it at a file.", error.Message);
    }
}
