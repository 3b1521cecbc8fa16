using System.Diagnostics;

namespace VoxelZoo.Host.Tests.CommandLine;

/// <summary>
/// A file system of its own, which only the superuser can mount: one of a given size, or a folder once more that cannot be written.
/// </summary>
internal sealed class SmallDisk : IDisposable
{
    private readonly bool _mounted;

    private SmallDisk(string path, params string[][] commands)
    {
        Path = path;
        Directory.CreateDirectory(path);
        foreach (var command in commands)
        {
            Assert.SkipUnless(Run("mount", [.. command, path]), "no file system can be mounted here");
            _mounted = true;
        }
    }

    public string Path { get; }

    /// <summary>An empty one.</summary>
    public static SmallDisk Of(string path, int kibibytes) => new(path, ["-t", "tmpfs", "-o", $"size={kibibytes}k", "voxelzoo"]);

    /// <summary>What is in a folder, read-only.</summary>
    public static SmallDisk ReadOnly(string path, string folder) => new(path, ["--bind", folder], ["-o", "remount,ro,bind"]);

    public void Dispose()
    {
        if (_mounted)
            Run("umount", [Path]);
    }

    private static bool Run(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.StandardError.ReadToEnd();
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
