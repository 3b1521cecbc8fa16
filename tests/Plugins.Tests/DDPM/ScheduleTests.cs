using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DDPM;
using static VoxelZoo.Plugins.Tests.DDPM.Processes;

namespace VoxelZoo.Plugins.Tests.DDPM;

public sealed class ScheduleTests
{
    private static double Share(DdpmOptions options, double t) => Math.Pow(Ddpm(options).Alpha(t), 2);

    [Theory]
    [InlineData(1)]
    [InlineData(250)]
    [InlineData(500)]
    [InlineData(999)]
    public void Cosine_schedule_is_the_squared_cosine(int t)
    {
        var expected = Squared((t / 1000.0 + 0.008) / 1.008) / Squared(0.008 / 1.008);
        Assert.Equal(1, Share(new DdpmOptions(), t) / expected, 1e-9);

        static double Squared(double quarterTurns) => Math.Pow(Math.Cos(quarterTurns * Math.PI / 2), 2);
    }

    [Fact]
    public void Last_step_of_the_cosine_keeps_a_thousandth() =>
        Assert.Equal(1e-3, Share(new DdpmOptions(), 1000) / Share(new DdpmOptions(), 999), 1e-9);

    // what is left after the last step: 4.036e-5 for DDPM (arXiv:2006.11239), 0.0047 for Stable Diffusion (arXiv:2305.08891, table 1)
    [Theory]
    [InlineData(NoiseSchedule.LinearBeta, null, null, 4.036e-5)]
    [InlineData(NoiseSchedule.ScaledLinearBeta, 0.00085, 0.012, 0.0047)]
    public void Published_schedules_end_where_they_are_known_to(NoiseSchedule schedule, double? start, double? end, double expected) =>
        Assert.Equal(1, Share(new DdpmOptions { Schedule = schedule, BetaStart = start, BetaEnd = end }, 1000) / expected, 0.01);

    [Fact]
    public void Linear_betas_are_what_each_step_takes_away()
    {
        var options = new DdpmOptions { Schedule = NoiseSchedule.LinearBeta };
        foreach (var t in new[] { 1, 2, 500, 1000 })
            Assert.Equal(1e-4 + (0.02 - 1e-4) * (t - 1) / 999, 1 - Share(options, t) / Share(options, t - 1), 1e-10);
    }

    [Fact]
    public void Roots_of_scaled_linear_betas_are_linear()
    {
        var options = new DdpmOptions { Schedule = NoiseSchedule.ScaledLinearBeta };
        foreach (var t in new[] { 1, 2, 500, 1000 })
            Assert.Equal(0.01 + (Math.Sqrt(0.02) - 0.01) * (t - 1) / 999, Math.Sqrt(1 - Share(options, t) / Share(options, t - 1)), 1e-9);
    }

    [Theory]
    [InlineData(NoiseSchedule.Cosine)]
    [InlineData(NoiseSchedule.LinearBeta)]
    [InlineData(NoiseSchedule.ScaledLinearBeta)]
    public void Variance_is_preserved_and_the_data_fade_at_every_step(NoiseSchedule schedule)
    {
        var process = Ddpm(new DdpmOptions { Schedule = schedule });
        for (var t = 0; t < 1000; t++)
        {
            Assert.True(process.Alpha(t) > process.Alpha(t + 0.5) && process.Alpha(t + 0.5) > process.Alpha(t + 1));
            Assert.Equal(1, Math.Pow(process.Alpha(t), 2) + Math.Pow(process.Sigma(t), 2), 1e-12);
        }
    }

    [Fact]
    public void Between_whole_times_the_logarithm_is_linear() =>
        Assert.Equal(
            0.7 * Math.Log(Share(new DdpmOptions(), 900)) + 0.3 * Math.Log(Share(new DdpmOptions(), 901)),
            Math.Log(Share(new DdpmOptions(), 900.3)),
            1e-9);

    public static TheoryData<DdpmOptions> ChangedOptions =>
    [
        new DdpmOptions { Schedule = NoiseSchedule.Cosine },
        new DdpmOptions { Schedule = NoiseSchedule.ScaledLinearBeta },
        new DdpmOptions { Schedule = NoiseSchedule.LinearBeta, BetaStart = 1e-3 },
        new DdpmOptions { Schedule = NoiseSchedule.LinearBeta, BetaEnd = 0.03 },
    ];

    [Theory]
    [MemberData(nameof(ChangedOptions), DisableDiscoveryEnumeration = true)]
    public void Every_option_of_the_schedule_changes_it(DdpmOptions changed) =>
        Assert.NotEqual(Share(new DdpmOptions { Schedule = NoiseSchedule.LinearBeta }, 300), Share(changed, 300), 1e-3);

    [Theory]
    [InlineData(NoiseSchedule.Cosine, 1e-4, null, "beta_start")]
    [InlineData(NoiseSchedule.Cosine, null, 0.02, "beta_end")]
    [InlineData(NoiseSchedule.LinearBeta, 0.03, 0.02, "beta_start")]
    [InlineData(NoiseSchedule.LinearBeta, null, 0.002, "beta_end")]
    public void Betas_that_nothing_reads_or_that_leave_the_data_visible_are_refused(
        NoiseSchedule schedule,
        double? start,
        double? end,
        string key)
    {
        var options = new DdpmOptions { Schedule = schedule, BetaStart = start, BetaEnd = end };
        Assert.Equal(key, Assert.Throws<PlanException>(() => Ddpm(options)).Key);
    }

    private static double[] Grid(TimestepSpacing spacing, int steps) => Ddpm(new DdpmOptions { Spacing = spacing }).TimeGrid(steps);

    [Fact]
    public void Leading_grid_is_the_index_grid_of_the_original()
    {
        var grid = Grid(TimestepSpacing.Leading, 50);
        Assert.Equal(Enumerable.Range(0, 50).Select(k => 980.0 - 20 * k + 1).Append(0), grid);
        Assert.Equal(
            (29 * 33 + 1.0, 1.0, 0.0),
            (Grid(TimestepSpacing.Leading, 30)[0], Grid(TimestepSpacing.Leading, 30)[^2], Grid(TimestepSpacing.Leading, 30)[^1]));
    }

    [Fact]
    public void Trailing_grid_starts_at_pure_noise()
    {
        Assert.Equal([1000, 750, 500, 250, 0], Grid(TimestepSpacing.Trailing, 4));
        Assert.Equal([1000, 667, 333, 0], Grid(TimestepSpacing.Trailing, 3));
    }

    [Fact]
    public void Linspace_grid_goes_from_pure_noise_to_the_first_timestep()
    {
        Assert.Equal([1000, 750, 500, 251, 1, 0], Grid(TimestepSpacing.Linspace, 5));
        Assert.Equal([1000, 0], Grid(TimestepSpacing.Linspace, 1));
    }

    [Theory]
    [InlineData(TimestepSpacing.Leading)]
    [InlineData(TimestepSpacing.Trailing)]
    [InlineData(TimestepSpacing.Linspace)]
    public void Grid_of_any_number_of_steps_falls_over_whole_times_to_0(TimestepSpacing spacing)
    {
        for (var steps = 1; steps <= 1000; steps++)
        {
            var grid = Grid(spacing, steps);
            Assert.Equal((steps + 1, 0.0), (grid.Length, grid[^1]));
            Assert.True(grid[0] <= 1000 && grid.All(t => t == Math.Floor(t)));
            Assert.All(grid.Zip(grid.Skip(1)), pair => Assert.True(pair.First > pair.Second));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1001)]
    public void Grid_of_no_or_too_many_steps_is_refused(int steps) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Ddpm().TimeGrid(steps));
}
