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
}
