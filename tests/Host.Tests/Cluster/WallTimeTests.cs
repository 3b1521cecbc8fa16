using VoxelZoo.Host.Cluster;

namespace VoxelZoo.Host.Tests.Cluster;

public sealed class WallTimeTests
{
    [Theory]
    [InlineData("12:00:00", 43200, "12:00:00")]
    [InlineData("00:01:30", 90, "00:01:30")]
    [InlineData("2-06:00:00", 194400, "2-06:00:00")]
    [InlineData("48:00:00", 172800, "2-00:00:00")]
    public void Time_is_read_and_written_as_slurm_does(string text, int seconds, string written)
    {
        var time = WallTime.Parse(text);

        Assert.Equal((seconds, written), ((int)time.Length.TotalSeconds, time.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("12")]
    [InlineData("12:00")]
    [InlineData("1:60:00")]
    [InlineData("-1:00:00")]
    [InlineData("12:00:00\n")]
    [InlineData("99999999999:00:00")]
    [InlineData("00:00:59")]
    public void Time_that_is_none_is_refused(string text) =>
        Assert.StartsWith($"--time {text}: ", Assert.Throws<UsageException>(() => WallTime.Parse(text)).Message, StringComparison.Ordinal);
}
