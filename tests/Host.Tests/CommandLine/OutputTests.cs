using Spectre.Console;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Tests.CommandLine;

public sealed class OutputTests
{
    [Theory]
    [InlineData(1, 35)] // the longest word and the name of its column
    [InlineData(20, 35)]
    [InlineData(50, 50)]
    [InlineData(200, 200)]
    public void Table_says_what_it_holds_however_narrow_it_shall_be(int width, int longest)
    {
        var table = Output.Table("id", "version", "what");
        table.AddRow("voxelzoo.augmentations", "1.3.0", "Augmentations of volumes and their masks");
        table.AddRow("voxelzoo.metrics", "1.4.0", "Metrics");

        var text = Output.Plain(table, width);

        string[] said = ["id", "version", "what", "voxelzoo.augmentations", "1.3.0", "Augmentations", "of", "volumes", "and", "their",
            "masks", "voxelzoo.metrics", "1.4.0", "Metrics"];
        Assert.Empty(said.Except(text.Split([' ', '\n'])));
        Assert.DoesNotContain("…", text, StringComparison.Ordinal);
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= longest, line));
    }
}
