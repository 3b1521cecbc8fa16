using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Tensors.Tests.Native;

public sealed class ElfVersionsTests
{
    private const string Version = "GLIBCXX_3.4.32";

    private static byte[] Shim() =>
        File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "runtimes", "linux-x64", "native", "libLibTorchSharp.so"));

    [Fact]
    public void Weaken_of_the_shim_marks_one_need_and_changes_at_most_two_bytes()
    {
        byte[] before = Shim(), after = [.. before];
        Assert.Equal(1, ElfVersions.Weaken(after, Version));
        Assert.InRange(before.Zip(after).Count(b => b.First != b.Second), 1, 2);
    }

    [Fact]
    public void Weaken_twice_changes_nothing_more()
    {
        var once = Shim();
        ElfVersions.Weaken(once, Version);
        byte[] twice = [.. once];
        ElfVersions.Weaken(twice, Version);
        Assert.Equal(once, twice);
    }

    [Fact]
    public void Weaken_of_a_version_that_is_not_needed_changes_nothing()
    {
        byte[] before = Shim(), after = [.. before];
        Assert.Equal(0, ElfVersions.Weaken(after, "GLIBCXX_9.9.99"));
        Assert.Equal(before, after);
    }

    [Fact]
    public void Weaken_of_a_damaged_file_fails_cleanly()
    {
        var shim = Shim();
        Assert.Throws<InvalidDataException>(() => ElfVersions.Weaken([], Version));
        Assert.Throws<InvalidDataException>(() => ElfVersions.Weaken(new byte[100], Version));
        var random = new Random(3);
        var sections = (int)BitConverter.ToInt64(shim, 0x28);
        for (var i = 0; i < 300; i++)
        {
            byte[] damaged = i < 100 ? shim[..random.Next(shim.Length)] : [.. shim];
            for (var n = 0; n < 20 && damaged.Length == shim.Length; n++)
            {
                var at = random.Next(2) == 0 ? 0x28 + random.Next(24) : sections + random.Next(shim.Length - sections);
                damaged[at] = (byte)random.Next(256);
            }

            var error = Record.Exception(() => ElfVersions.Weaken(damaged, Version));
            Assert.True(error is null or InvalidDataException, error?.ToString());
        }
    }
}
