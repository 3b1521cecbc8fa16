using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Tests.Runs;

public sealed class PluginChangeTests
{
    private static readonly BinaryFacts Acme = new("acme", "0.1.0", new string('a', 64)) { Files = new string('f', 64) };

    private static string Change(BinaryFacts recorded, BinaryFacts found) => string.Join("; ", PluginChange.Between([recorded], [found]));

    [Fact]
    public void Plugin_that_is_as_it_was_or_was_not_recorded_is_no_change()
    {
        Assert.Equal("", Change(Acme, Acme));
        Assert.Equal("", Change(Acme, Acme with { Name = "other", Version = "9.0.0" }));
        Assert.Equal("", Change(Acme with { Files = null }, Acme)); // of before other files were recorded
    }

    [Fact]
    public void Version_build_and_other_files_are_told_apart()
    {
        Assert.Equal(
            "the plugin acme 0.1.0 (aaaaaaaaaaaa), and here is 0.2.0 (bbbbbbbbbbbb)",
            Change(Acme, Acme with { Version = "0.2.0", Sha256 = new string('b', 64) }));
        Assert.Equal(
            "the plugin acme 0.1.0 (aaaaaaaaaaaa), and here is another build of that version (bbbbbbbbbbbb)",
            Change(Acme, Acme with { Sha256 = new string('b', 64) }));
        Assert.Equal(
            "the plugin acme 0.1.0, and here other files lie beside its assembly (ffffffffffff was their hash, eeeeeeeeeeee is it)",
            Change(Acme, Acme with { Files = new string('e', 64) }));
    }
}
