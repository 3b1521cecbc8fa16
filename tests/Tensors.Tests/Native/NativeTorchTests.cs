using System.Diagnostics;
using System.Runtime.Versioning;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Tensors.Tests.Native;

[UnsupportedOSPlatform("windows")]
public sealed class NativeTorchTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("native").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Libtorch_that_is_not_there_is_told_in_one_sentence()
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!, ["exec", typeof(NativeTorchTests).Assembly.Location, "--help"])
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
        };
        if (!Path.GetFileNameWithoutExtension(Environment.ProcessPath!).Equals("dotnet", StringComparison.OrdinalIgnoreCase))
            start = new ProcessStartInfo(Environment.ProcessPath!, ["--help"])
            {
                RedirectStandardError = true,
                RedirectStandardOutput = true,
            };
        start.Environment[NativeTorch.DirectoryVariable] = "/nonexistent/lib";
        using var child = Process.Start(start)!;
        var error = child.StandardError.ReadToEnd();
        child.WaitForExit();
        Assert.Equal(2, child.ExitCode);
        Assert.Equal(
            "VOXELZOO_LIBTORCH is /nonexistent/lib, where there is no libtorch_cpu.so; point it at a folder such as torch/lib",
            error.Trim());
    }

    [Fact]
    public void Libtorch_beside_one_that_the_program_carries_is_refused()
    {
        string other = Path.Combine(_folder, "other"), carried = Path.Combine(_folder, "carried");
        foreach (var folder in new[] { other, carried })
            File.WriteAllText(Path.Combine(Directory.CreateDirectory(folder).FullName, "libtorch_cpu.so"), "");
        Assert.Contains(
            $"carries a libtorch of its own in {carried}",
            Assert.Throws<DllNotFoundException>(() => NativeTorch.Chosen(other, carried)).Message);
        Assert.Equal(carried, NativeTorch.Chosen(carried, carried));
        Assert.Equal(other, NativeTorch.Chosen(other, _folder));
    }

    [Fact]
    public void Report_names_what_was_loaded()
    {
        var report = NativeTorch.Load();
        Assert.True(File.Exists(Path.Combine(report.Libtorch, "libtorch_cpu.so")));
        Assert.NotNull(report.Shim);
    }

    [Fact]
    public void CachedCopy_is_the_content_in_a_folder_closed_to_others()
    {
        var copy = PatchedShim.CachedCopy([1, 2, 3], _folder)!;
        Assert.Equal([1, 2, 3], File.ReadAllBytes(copy));
        Assert.Equal(
            UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute, File.GetUnixFileMode(Path.GetDirectoryName(copy)!));
    }

    [Fact]
    public void CachedCopy_that_was_altered_is_written_anew()
    {
        var copy = PatchedShim.CachedCopy([1, 2, 3], _folder)!;
        File.WriteAllBytes(copy, [9, 9, 9]);
        Assert.Equal(copy, PatchedShim.CachedCopy([1, 2, 3], _folder));
        Assert.Equal([1, 2, 3], File.ReadAllBytes(copy));
    }

    [Fact]
    public void CachedCopy_by_many_at_once_is_whole_for_each()
    {
        var bytes = new byte[100_000];
        new Random(1).NextBytes(bytes);
        Parallel.For(0, 16, _ => Assert.Equal(bytes, File.ReadAllBytes(PatchedShim.CachedCopy(bytes, _folder)!)));
        Assert.Single(Directory.GetFiles(_folder, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public void CachedCopy_without_a_usable_folder_is_none()
    {
        var file = Path.Combine(_folder, "a-file");
        File.WriteAllText(file, "");
        Assert.Null(PatchedShim.CachedCopy([1], file));
        Assert.Null(PatchedShim.CachedCopy([1], null));
    }
}
