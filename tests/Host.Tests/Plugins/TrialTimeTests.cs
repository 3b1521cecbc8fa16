using System.Diagnostics;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>A plugin that computes on a busy machine is given its time; one that waits for ever, or computes for ever, is not.</summary>
public sealed class TrialTimeTests
{
    [Theory]
    [InlineData(1, 10)] // alone on a core
    [InlineData(0.1, 100)] // of ten programs: what it computes counts
    [InlineData(0.001, 10)] // it waits
    [InlineData(0.03, 100)] // of thirty: ten times the limit is enough
    public void Is_over_after(double share, int seconds)
    {
        var time = new TrialTime(TimeSpan.FromSeconds(10));

        var ended = Enumerable.Range(0, 2000).Select(tenth => tenth / 10.0)
            .First(passed => time.IsOver(TimeSpan.FromSeconds(passed), TimeSpan.FromSeconds(share * passed)));

        Assert.Equal(seconds, ended, 0.5);
    }

    [Fact]
    public void What_waits_after_it_has_computed_is_given_the_limit_from_there()
    {
        var time = new TrialTime(TimeSpan.FromSeconds(10));

        var ended = Enumerable.Range(0, 2000).Select(tenth => tenth / 10.0)
            .First(passed => time.IsOver(TimeSpan.FromSeconds(passed), TimeSpan.FromSeconds(Math.Min(passed, 5))));

        Assert.Equal(15, ended, 0.5);
    }

    [Fact]
    public void Process_that_ended_while_it_is_asked_has_taken_nothing()
    {
        using var process = Process.Start("true");
        process.WaitForExit();

        Assert.Equal((TimeSpan.Zero, 0L), PluginTrial.Taken(process));
    }
}
