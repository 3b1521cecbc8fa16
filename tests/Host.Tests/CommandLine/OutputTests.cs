using Spectre.Console;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Tests.CommandLine;

public sealed class OutputTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(20)]
    [InlineData(200)]
    public void Table_says_what_it_holds_however_narrow_it_shall_be(int width)
    {
        var table = Output.Table("id", "version", "what");
        table.AddRow("voxelzoo.augmentations", "1.3.0", "Augmentations of volumes and their masks");

        var lines = Output.Plain(table, width).Split('\n');

        Assert.Contains(lines, line => line.Contains("voxelzoo.augmentations", StringComparison.Ordinal) && line.Contains("1.3.0", StringComparison.Ordinal));
        Assert.All(lines, line => Assert.True(line.Length <= Math.Max(width, 60), line));
    }
}
