using static VoxelZoo.Host.Tests.Programs.VoxelZooProgram;

namespace VoxelZoo.Host.Tests.Programs;

/// <summary>Runs when no other test of this program does.</summary>
[CollectionDefinition(nameof(StartupTests), DisableParallelization = true)]
[Collection(nameof(StartupTests))]
public sealed class StartupTests
{
    [Fact]
    public void Listing_plugins_takes_less_than_300_milliseconds()
    {
        // the machine may have other work: one undisturbed run of many shows what the program needs
        var best = double.MaxValue;
        for (var i = 0; i < 20 && best >= 300; i++)
            best = Math.Min(best, Run("plugins", "list").Time.TotalMilliseconds);

        Assert.InRange(best, 0, 300);
    }
}
