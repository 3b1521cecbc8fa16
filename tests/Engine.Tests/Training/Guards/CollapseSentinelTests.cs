using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Training.Guards;

/// <summary>Scripted losses, after the failures of the original.</summary>
public sealed class CollapseSentinelTests
{
    private static readonly GuardOptions Defaults = new();

    /// <summary>The epoch, from 1, whose loss is found to have collapsed; or null.</summary>
    private static int? Found(IEnumerable<double> losses, GuardOptions? options = null, double? zero = null)
    {
        var sentinel = new CollapseSentinel(options ?? Defaults);
        var epoch = 0;
        foreach (var loss in losses)
        {
            epoch++;
            if (sentinel.Judge(loss, zero is null ? null : loss, zero) is not null)
                return epoch;
        }

        return null;
    }

    private static IEnumerable<double> Between(int epochs, double low, double high, int seed = 1)
    {
        var random = new Random(seed);
        return Enumerable.Range(0, epochs).Select(_ => low + (high - low) * random.NextDouble()).ToArray();
    }

    private static IEnumerable<double> Falling(int epochs, double from, double to) =>
        Enumerable.Range(0, epochs).Select(e => from * Math.Pow(to / from, e / (epochs - 1.0)));

    [Fact]
    public void Seg_run_that_jumps_at_epoch_35_is_found_ten_epochs_later() =>
        Assert.Equal(44, Found(Falling(34, 0.9, 0.0015).Concat(Between(60, 0.6, 1.0))));

    [Fact]
    public void Latent_run_that_falls_to_008_and_rises_to_103_is_found_within_ten_epochs_of_its_plateau() =>
        Assert.InRange(Found(Falling(40, 1, 0.08).Concat(Falling(10, 0.08, 1.03)).Concat(Between(60, 1.02, 1.04)))!.Value, 50, 60);

    [Fact]
    public void Loss_that_falls_for_500_epochs_is_fine() =>
        Assert.Null(Found(Falling(500, 1, 0.001).Zip(Between(500, 0.7, 1.4), (loss, noise) => loss * noise), zero: 1.0));

    [Fact]
    public void Overfitting_that_doubles_the_validation_loss_is_fine()
    {
        var sentinel = new CollapseSentinel(Defaults);
        Assert.All(
            Falling(200, 0.1, 0.01).Zip(Falling(200, 0.05, 0.1)), epoch => Assert.Null(sentinel.Judge(epoch.First, epoch.Second, 1)));
    }

    [Fact]
    public void Network_that_never_learned_has_nothing_to_lose() => Assert.Null(Found(Between(500, 0.99, 1.02), zero: 1));

    [Fact]
    public void Loss_on_its_way_back_down_is_left_to_get_there() =>
        Assert.Null(Found(Falling(50, 1, 0.05).Concat(Falling(12, 0.44, 0.06)).Concat(Between(50, 0.045, 0.055))));

    [Theory]
    [InlineData(10)]
    [InlineData(4)]
    public void Validation_at_the_zero_network_for_a_window_is_a_collapse(int window)
    {
        var sentinel = new CollapseSentinel(Defaults with { CollapseWindow = window });
        Assert.Null(sentinel.Judge(0.4, 0.4, 1));
        for (var epoch = 1; epoch < window; epoch++)
            Assert.Null(sentinel.Judge(0.4, 0.985, 1));
        Assert.Contains("returns zero", sentinel.Judge(0.4, 1.03, 1), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0.97)] // 3 % below
    [InlineData(0.5)]
    public void Validation_below_the_zero_network_starts_the_count_anew(double once)
    {
        var sentinel = new CollapseSentinel(Defaults);
        sentinel.Judge(0.4, 0.4, 1);
        foreach (var loss in Enumerable.Repeat(1.0, 9).Append(once).Concat(Enumerable.Repeat(1.0, 9)))
            Assert.Null(sentinel.Judge(0.4, loss, 1));
        Assert.NotNull(sentinel.Judge(0.4, 1.0, 1));
    }

    [Fact]
    public void Validation_that_is_not_a_number_is_no_better_than_zero()
    {
        var sentinel = new CollapseSentinel(Defaults);
        sentinel.Judge(0.4, 0.4, 1);
        Assert.Equal(9, Enumerable.Range(0, 10).Count(_ => sentinel.Judge(0.4, double.NaN, 1) is null));
    }

    [Theory]
    [InlineData(3.0, 3.5, true)]
    [InlineData(3.0, 2.5, false)]
    [InlineData(2.0, 2.5, true)]
    public void Plateau_above_the_factor_is_a_collapse(double factor, double plateau, bool found) =>
        Assert.Equal(
            found,
            Found(
                Enumerable.Repeat(0.1, 5).Concat(Enumerable.Repeat(0.1 * plateau, 20)),
                Defaults with { CollapseFactor = factor }) is not null);

    [Fact]
    public void Epochs_without_a_measured_loss_are_left_out() =>
        Assert.Equal(25, Found(Enumerable.Repeat(0.1, 5).Concat(Enumerable.Repeat(double.NaN, 10)).Concat(Enumerable.Repeat(1.0, 30))));
}
