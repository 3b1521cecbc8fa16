using System.Runtime.InteropServices;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Tests.Data;

/// <summary>Folders that the user may not enter. Nothing is closed to root, so the tests look with another user's eyes.</summary>
public sealed class ClosedFolderTests : IDisposable
{
    private const int Nobody = 65534;
    private readonly CohortFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Patient_that_is_closed_is_refused_as_such_whatever_is_allowed()
    {
        _folder.Add("train", "a", "bravo").Add("train", "b", "bravo").Add("test", "c", "bravo");
        Closed(Path.Combine(_folder.Path, "train", "b"), () =>
        {
            var finding = Assert.Single(CohortCheck.Run(_folder.Open(), []), finding => finding.Patient == "b");
            Assert.Equal("is left out: it cannot be read: permission denied.", finding.Finding);
            Assert.True(finding.Refused);
            var options = new DataOptions { Height = 2, Width = 2, Depth = 2, OriginalDepth = 2, AllowMissing = true };
            var refusal = Assert.Throws<PlanException>(() => new CohortDataset(_folder.Open(), "train", options, ["bravo"]));
            Assert.Equal($"{finding.File} cannot be read: permission denied; have it opened to you, or take it out of train.", refusal.Message);
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
        Closed(path, () =>
        {
            var refusal = Assert.Throws<PlanException>(_folder.Open).Message;
            Assert.Contains($"'{path}' cannot be read: permission denied", refusal, StringComparison.Ordinal);
            Assert.True(words == "the only patient" || refusal.Contains(words, StringComparison.Ordinal), refusal);
        });
    }

    /// <summary>Does something while a folder is closed, on a thread of its own to which another user's rights are given.</summary>
    private static void Closed(string folder, Action look)
    {
        if (!OperatingSystem.IsLinux())
            return; // rights of another kind
        var mode = File.GetUnixFileMode(folder);
        File.SetUnixFileMode(folder, UnixFileMode.None);
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            var before = SetFileSystemUser(Environment.IsPrivilegedProcess ? Nobody : -1);
            try
            {
                look();
            }
            catch (Exception e)
            {
                failure = e;
            }
            finally
            {
                if (Environment.IsPrivilegedProcess)
                    _ = SetFileSystemUser(before);
            }
        });
        thread.Start();
        thread.Join();
        File.SetUnixFileMode(folder, mode);
        if (failure is not null)
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failure);
    }

    // setfsuid(2) is of one thread alone, and gives up root's right to pass over rights
    [DllImport("libc", EntryPoint = "setfsuid")]
    private static extern int SetFileSystemUser(int user);
}
