using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Training.Guards;

/// <summary>Scripted norms, after the failures of the original.</summary>
public sealed class GradientGuardTests
{
    private static readonly GuardOptions Defaults = new();

    /// <summary>Norms around 1 as training has them: log-normal with a deviation of 0.5.</summary>
    private static IEnumerable<double> Usual(int count, double level = 1, int seed = 1)
    {
        var random = new Random(seed);
        for (var i = 0; i < count; i++)
            yield return level * Math.Exp(
                0.5 * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
    }

    private static bool[] Judge(GradientGuard guard, IEnumerable<double> norms) => [.. norms.Select(norm => guard.Allows(0.5, norm))];

    private static GradientGuard Warm(GuardOptions? options = null, int steps = 200)
    {
        var guard = new GradientGuard(options ?? Defaults);
        Judge(guard, Usual(steps));
        return guard;
    }

    private static int LongestRun(bool[] values, bool of)
    {
        var (longest, run) = (0, 0);
        foreach (var value in values)
            longest = Math.Max(longest, run = value == of ? run + 1 : 0);
        return longest;
    }

    [Fact]
    public void Usual_norms_are_all_allowed()
    {
        var guard = new GradientGuard(Defaults);
        Assert.All(Judge(guard, Usual(20_000)), Assert.True);
        Assert.InRange(guard.State.LogNorm, -0.3, 0.3); // the mean of the logarithms is 0
    }

    [Fact]
    public void Nothing_is_a_spike_during_the_warm_up()
    {
        Assert.All(Judge(new GradientGuard(Defaults), Usual(99).Append(1e6)), Assert.True);
        Assert.False(Judge(new GradientGuard(Defaults), Usual(100).Append(1e6))[^1]);
        Assert.False(Judge(new GradientGuard(Defaults with { WarmupSteps = 5 }), Usual(5).Append(1e6))[^1]);
    }

    [Fact]
    public void One_spike_of_a_million_is_skipped_and_blinds_for_no_other()
    {
        var guard = Warm();
        var before = guard.State.LogNorm;
        Assert.Equal([false, true, false, true], Judge(guard, [1e6, 1, 1e6, 1]));
        // two spikes weigh a hundredth each, as if they had been of ten times the usual
        Assert.InRange(guard.State.LogNorm - before, -0.05, 2 * Math.Log(10) / 100);
    }

    [Theory]
    [InlineData(8.0, true)]
    [InlineData(13.0, false)]
    public void A_spike_is_so_many_times_the_usual(double norm, bool allowed) =>
        Assert.Equal(allowed, Warm().Allows(0.5, norm * Math.Exp(Warm().State.LogNorm)));

    [Fact]
    public void Spike_factor_is_that_of_the_options() => Assert.True(Warm(Defaults with { SpikeFactor = 30 }).Allows(0.5, 20));

    [Theory]
    [InlineData(20, 20)]
    [InlineData(5, 5)]
    public void A_norm_that_rose_for_good_is_skipped_only_so_often(int maxSkips, int expected)
    {
        var guard = Warm(Defaults with { MaxSkips = maxSkips });
        var allowed = Judge(guard, Enumerable.Repeat(1e4, 1000));
        Assert.Equal(expected, allowed.Count(a => !a));
        Assert.All(allowed[expected..], Assert.True);
        Assert.Null(guard.Incident);
        Assert.Equal(Math.Log(1e4), guard.State.LogNorm, 0.01);
    }

    [Fact]
    public void Twenty_times_the_norm_is_trained_on_within_twenty_steps_and_soon_usual()
    {
        var guard = Warm();
        var allowed = Judge(guard, Usual(1000, level: 20, seed: 2));
        Assert.InRange(LongestRun(allowed, false), 1, 20);
        Assert.InRange(allowed.Count(a => !a), 1, 25);
        Assert.All(allowed[100..], Assert.True);
        Assert.Null(guard.Incident);
    }

    [Fact]
    public void The_death_spiral_of_31363_skipped_steps_does_not_happen()
    {
        // the original's norms: the weights do not change while steps are skipped, so that the norm stays high
        var guard = Warm();
        var (level, skipped) = (50.0, 0);
        foreach (var norm in Usual(31_500, seed: 3))
        {
            if (guard.Allows(0.5, level * norm))
                level = Math.Max(1, 0.999 * level);
            else
                skipped++;
        }

        Assert.InRange(skipped, 1, 25);
        Assert.Null(guard.Incident);
        Assert.Equal(1, level);
    }

    [Theory]
    [InlineData(double.NaN, 1.0)]
    [InlineData(double.PositiveInfinity, 1.0)]
    [InlineData(0.5, double.NaN)]
    [InlineData(0.5, double.PositiveInfinity)]
    public void What_is_not_finite_is_skipped_from_the_first_step_and_changes_nothing(double loss, double norm)
    {
        var guard = new GradientGuard(Defaults);
        Assert.False(guard.Allows(loss, norm));
        Judge(guard, Usual(200));
        var (level, seen) = (guard.State.LogNorm, guard.State.Seen);
        Assert.False(guard.Allows(loss, norm));
        Assert.Equal((level, seen), (guard.State.LogNorm, guard.State.Seen));
        Assert.False(guard.Allows(0.5, 1e6)); // spikes are seen as before
    }

    [Theory]
    [InlineData(10)]
    [InlineData(3)]
    public void So_many_in_a_row_that_are_not_finite_are_an_incident(int max)
    {
        var guard = Warm(Defaults with { MaxNonfinite = max });
        for (var i = 1; i < max; i++)
            guard.Allows(double.NaN, double.NaN);
        Assert.Null(guard.Incident);
        Assert.True(guard.Allows(0.5, 1)); // not in a row
        for (var i = 1; i < max; i++)
            guard.Allows(double.NaN, double.NaN);
        Assert.Null(guard.Incident);
        guard.Allows(double.NaN, double.NaN);
        Assert.Contains("not finite", guard.Incident, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.05, 25)]
    [InlineData(0.01, 5)]
    public void More_than_a_part_of_the_last_500_skipped_is_an_incident(double share, int still)
    {
        var guard = Warm(Defaults with { MaxSkipShare = share, MaxSkips = 5 });
        for (var i = 0; i < still; i++)
            Judge(guard, Usual(10, seed: i).Prepend(1e6));
        Assert.Null(guard.Incident);
        Judge(guard, [1e6]);
        Assert.Contains("skipped", guard.Incident, StringComparison.Ordinal);
    }

    [Fact]
    public void Skips_longer_ago_than_500_steps_are_no_incident()
    {
        var guard = Warm();
        for (var i = 0; i < 100; i++)
            Judge(guard, Usual(24, seed: i).Append(1e6)); // 4 % of the steps
        Assert.Null(guard.Incident);
    }

    [Fact]
    public void Rare_spikes_never_become_the_usual()
    {
        var guard = Warm(Defaults with { MaxSkipShare = 1 });
        for (var i = 0; i < 200; i++)
            Judge(guard, Usual(15, seed: i).Append(1e6));
        Assert.InRange(guard.State.LogNorm, -1, 1);
    }

    [Fact]
    public void Zero_gradients_say_nothing_of_what_is_usual()
    {
        var guard = Warm();
        var before = guard.State.LogNorm;
        Assert.All(Judge(guard, Enumerable.Repeat(0.0, 50)), Assert.True);
        Assert.Equal(before, guard.State.LogNorm);
    }

    [Fact]
    public void Guard_that_takes_over_the_state_judges_alike()
    {
        var trace = Usual(150).Concat(Enumerable.Repeat(1e3, 15)).Append(double.NaN)
            .Concat(Enumerable.Repeat(1e3, 15)).Concat(Usual(50)).ToArray();
        var straight = new GradientGuard(Defaults);
        var resumed = new GradientGuard(Defaults);
        foreach (var norm in trace)
        {
            var next = new GradientGuard(Defaults) { State = resumed.State };
            Assert.Equal(straight.Allows(0.5, norm), next.Allows(0.5, norm));
            resumed = next;
        }

        Assert.Equal(straight.State.LogNorm, resumed.State.LogNorm);
    }
}
