using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Tests.Runs;

public sealed class MetricsLogTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    private static MetricsEntry Entry(long step, double loss = 0.5) =>
        new() { Kind = "step", Step = step, Epoch = 0, Loss = loss, LearningRate = 1e-4, GradientNorm = 1, Seconds = 0.1 };

    [Fact]
    public void Read_returns_what_was_added()
    {
        using (var log = MetricsLog.Continue(_path, 0, Assert.Fail))
            log.Add(Entry(1, double.NaN));
        Assert.Equal(Entry(1, double.NaN), Assert.Single(MetricsLog.Read(_path)));
    }

    [Fact]
    public void Continue_drops_steps_that_the_checkpoint_does_not_have()
    {
        using (var log = MetricsLog.Continue(_path, 0, Assert.Fail))
        {
            foreach (var step in new[] { 1, 2, 3, 4 })
                log.Add(Entry(step));
        }

        using (var log = MetricsLog.Continue(_path, 2, Assert.Fail))
            log.Add(Entry(3));
        Assert.Equal([1, 2, 3], MetricsLog.Read(_path).Select(e => e.Step));
    }

    [Fact]
    public void Read_leaves_out_a_line_that_was_cut_off()
    {
        using (var log = MetricsLog.Continue(_path, 0, Assert.Fail))
            log.Add(Entry(1));
        File.AppendAllText(_path, "{\"kind\":\"st");
        Assert.Single(MetricsLog.Read(_path));
    }

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Read_leaves_out_a_line_that_was_damaged_and_keeps_those_after_it()
    {
        using (var log = MetricsLog.Continue(_path, 0, Assert.Fail))
        {
            foreach (var step in new[] { 1, 2, 3 })
                log.Add(Entry(step));
        }

        var lines = File.ReadAllLines(_path);
        File.WriteAllLines(_path, [lines[0], lines[1][..20], lines[2]]);
        Assert.Equal([1, 3], MetricsLog.Read(_path).Select(e => e.Step));
    }

    [Theory]
    [InlineData("1 2 3 4", 4, null)]
    [InlineData("1 2 3 4", 2, null)]
    [InlineData("", 0, null)]
    [InlineData("", 4, "steps 1 to 4,")]
    [InlineData("1 4 6", 7, "steps 2 to 3, step 5, step 7,")]
    public void Lost_names_the_steps_that_have_no_line(string there, long done, string? named)
    {
        using (var log = MetricsLog.Continue(_path, 0, Assert.Fail))
        {
            foreach (var step in there.Split(' ', StringSplitOptions.RemoveEmptyEntries))
                log.Add(Entry(int.Parse(step, System.Globalization.CultureInfo.InvariantCulture)));
        }

        var gaps = MetricsLog.Gaps(MetricsLog.Read(_path), done);
        if (named is null)
            Assert.Null(gaps);
        else
            Assert.Contains($"no whole line of {named}", MetricsLog.Lost(_path, gaps!), StringComparison.Ordinal);
    }

    [Fact]
    public void Pipe_in_the_place_of_the_log_is_refused_without_being_opened()
    {
        File.Delete(_path);
        using var made = System.Diagnostics.Process.Start("mkfifo", [_path]);
        made.WaitForExit();
        Assert.Contains(
            "not a file but a pipe", Assert.Throws<RunFolderException>(() => MetricsLog.Read(_path)).Message, StringComparison.Ordinal);
        Assert.Contains(
            "not a file but a pipe",
            Assert.Throws<RunFolderException>(() => MetricsLog.Continue(_path, 0, Assert.Fail)).Message,
            StringComparison.Ordinal);
    }
}
