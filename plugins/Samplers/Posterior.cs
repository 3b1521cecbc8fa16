using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>
/// The exact distribution of x at an earlier time given x at a later one and x0, for any Gaussian process: that of x' given x0 is N(α'x0,
/// σ'²), and <c>x = (α/α')·x' + noise</c>. For DDPM these are equations 6 and 7 of arXiv:2006.11239.
/// </summary>
/// <param name="Kept">What is left of x' in x: α/α'.</param>
/// <param name="Added">The variance of the noise from x' to x: σ² − (α/α')²σ'²; DDPM's β.</param>
/// <param name="Direction">Weight of ε in the mean <c>α'x0 + direction·ε</c>.</param>
/// <param name="Variance">The variance; DDPM's β̃. 0 at t' = 0.</param>
internal readonly record struct Posterior(double Kept, double Added, double Direction, double Variance)
{
    /// <summary>The posterior from <paramref name="t"/> back to <paramref name="earlier"/>.</summary>
    public static Posterior Between(NoiseProcess process, double t, double earlier)
    {
        var kept = process.Alpha(t) / process.Alpha(earlier);
        var (sigma, before) = (process.Sigma(t), process.Sigma(earlier));
        var added = Math.Max(sigma * sigma - kept * kept * before * before, 0); // not below 0 by rounding
        return new Posterior(kept, added, kept * before * before / sigma, before * before / (sigma * sigma) * added);
    }
}
