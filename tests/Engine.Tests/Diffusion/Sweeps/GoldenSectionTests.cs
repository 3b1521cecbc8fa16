using VoxelZoo.Engine.Diffusion.Sweeps;

namespace VoxelZoo.Engine.Tests.Diffusion.Sweeps;

public sealed class GoldenSectionTests
{
    public static TheoryData<int> Places => [.. Enumerable.Range(10, 41)];

    [Theory]
    [MemberData(nameof(Places))]
    public void Least_value_is_found_to_the_tolerance_in_nine_evaluations_wherever_it_is(int least)
    {
        foreach (var value in new Func<int, double>[]
        {
            n => Math.Abs(n - least), n => Math.Pow(n - least, 2) * (n < least ? 5 : 1), n => -Math.Exp(-Math.Abs(n - least)),
        })
        {
            var asked = GoldenSection.Search(10, 50, 1, value);

            Assert.InRange(asked.Count, 1, 9);
            Assert.InRange(GoldenSection.Best(asked), least - 1, least + 1);
            Assert.Equal(asked.Count, asked.DistinctBy(one => one.Place).Count());
            Assert.All(asked, one => Assert.InRange(one.Place, 10, 50));
        }
    }

    [Fact]
    public void First_places_are_those_of_the_golden_section()
    {
        // 50 − 0.618·40 = 25.28, 10 + 0.618·40 = 34.72
        var asked = GoldenSection.Search(10, 50, 1, n => n);

        Assert.Equal([25, 35], asked.Take(2).Select(one => one.Place));
    }

    [Fact]
    public void Answer_is_the_best_of_all_that_were_asked_also_where_the_search_left_it()
    {
        // 35 is the best by far, but beyond 25 everything looks better to the left of it
        double value(int n) => n switch { 25 => -1, 35 => -0.5, 20 => -10, _ => 0 };

        var asked = GoldenSection.Search(10, 50, 1, value);

        Assert.Equal(20, GoldenSection.Best(asked));
        Assert.Equal(-10, asked.Min(one => one.Value));
    }

    [Fact]
    public void Plateau_ends_the_search_with_the_fewest_of_equal_steps()
    {
        var asked = GoldenSection.Search(10, 50, 1, _ => 3);

        Assert.InRange(asked.Count, 1, 9);
        Assert.Equal(asked.Min(one => one.Place), GoldenSection.Best(asked));
    }

    [Fact]
    public void Plateau_about_the_least_value_is_found()
    {
        for (var from = 10; from <= 45; from++)
        {
            var asked = GoldenSection.Search(10, 50, 1, n => n < from ? from - n : n > from + 5 ? n - from - 5 : 0);

            Assert.Equal(0, asked.Min(one => one.Value));
        }
    }

    [Theory]
    [InlineData(7, 7, new[] { 7 })]
    [InlineData(7, 8, new[] { 7, 8 })]
    [InlineData(7, 9, new[] { 7, 9 })]
    public void Interval_that_is_narrow_from_the_beginning_is_judged_by_its_ends(int lo, int hi, int[] places) =>
        Assert.Equal(places, GoldenSection.Search(lo, hi, 2, n => n).Select(one => one.Place));

    [Fact]
    public void Wider_tolerance_asks_less() =>
        Assert.True(GoldenSection.Search(10, 50, 8, n => n).Count < GoldenSection.Search(10, 50, 1, n => n).Count);

    [Fact]
    public void What_is_no_interval_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => GoldenSection.Search(2, 1, 1, n => n));
        Assert.Throws<ArgumentOutOfRangeException>(() => GoldenSection.Search(1, 2, 0, n => n));
    }
}
