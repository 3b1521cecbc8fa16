using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Tensors.Tests.Native;

public sealed class ControlGroupsTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("voxelzoo-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private string Membership(string lines)
    {
        var path = Path.Combine(_root, "membership");
        File.WriteAllText(path, lines);
        return path;
    }

    private void Group(string group, params (string File, string Text)[] files)
    {
        Directory.CreateDirectory(Path.Combine(_root, group));
        foreach (var (file, text) in files)
            File.WriteAllText(Path.Combine(_root, group, file), text + "\n");
    }

    [Fact]
    public void Group_of_version_2_or_one_above_it_leaves_the_least()
    {
        Group("job", ("memory.max", "1000"), ("memory.current", "900"));
        Group("job/step", ("memory.max", "max"), ("memory.current", "100"));
        Assert.Equal(100, ControlGroups.Left(Membership("0::/job/step\n"), _root));
    }

    [Fact]
    public void Group_of_version_1_counts()
    {
        Group("memory/job", ("memory.limit_in_bytes", "1000"), ("memory.usage_in_bytes", "400"));
        Assert.Equal(600, ControlGroups.Left(Membership("5:cpu,cpuacct:/job\n4:memory:/job\n0::/\n"), _root));
    }

    [Fact]
    public void What_is_held_of_files_counts_as_left()
    {
        Group("job", ("memory.max", "1000"), ("memory.current", "900"), ("memory.stat", "anon 300\ninactive_file 600\nactive_file 1"));
        Assert.Equal(700, ControlGroups.Left(Membership("0::/job\n"), _root));
    }

    [Fact]
    public void Group_without_a_limit_leaves_all() =>
        Assert.Equal(long.MaxValue, ControlGroups.Left(Membership("0::/\n"), _root));
}
