namespace VoxelZoo.Engine.Diffusion.Sweeps;

/// <summary>
/// Looks for the least value of a function of whole numbers that falls and then rises, by the golden section: of two places inside an
/// interval, the one with the smaller value says which end can be given up. Each place is asked once.
/// </summary>
public static class GoldenSection
{
    private const double Ratio = 0.618;

    /// <summary>Searches from <paramref name="lo"/> to <paramref name="hi"/>.</summary>
    /// <param name="lo">The least place.</param>
    /// <param name="hi">The largest; may be the same.</param>
    /// <param name="tolerance">
    /// The width of an interval, 1 or more, that needs no more looking into: how far the answer may be from the least value.
    /// </param>
    /// <param name="value">The function.</param>
    /// <returns>All places that were asked, in that order.</returns>
    /// <exception cref="ArgumentOutOfRangeException">The interval is none, or the tolerance below 1.</exception>
    public static IReadOnlyList<(int Place, double Value)> Search(int lo, int hi, int tolerance, Func<int, double> value)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(hi, lo);
        ArgumentOutOfRangeException.ThrowIfLessThan(tolerance, 1);
        var asked = new List<(int Place, double Value)>();
        var (a, b) = (lo, hi);
        while (b - a > tolerance && Inside(a, b) is var (left, right))
        {
            if (Ask(left) < Ask(right))
                b = right;
            else
                a = left;
        }

        // an interval that was narrow from the beginning
        if (asked.Count == 0)
            (_, _) = (Ask(lo), Ask(hi));
        return asked;

        double Ask(int place)
        {
            var known = asked.FindIndex(one => one.Place == place);
            if (known >= 0)
                return asked[known].Value;
            asked.Add((place, value(place)));
            return asked[^1].Value;
        }
    }

    /// <summary>The place with the least value of all that were asked; of equal ones the least place.</summary>
    public static int Best(IEnumerable<(int Place, double Value)> asked) =>
        asked.OrderBy(one => one.Value).ThenBy(one => one.Place).First().Place;

    /// <summary>Two places inside an interval. Rounding may bring them together; then one moves by 1, or there are none.</summary>
    private static (int Left, int Right)? Inside(int a, int b)
    {
        var reach = Ratio * (b - a);
        var (left, right) = ((int)Math.Round(b - reach), (int)Math.Round(a + reach));
        return left < right ? (left, right)
            : left + 1 < b ? (left, left + 1)
            : left - 1 > a ? (left - 1, left)
            : null;
    }
}
