using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>
/// Averages of weights by a power of time, whose length can be chosen after training (arXiv:2312.02696, section 3): the average at time T
/// gives the weights of time t the density <c>(γ+1)·t^γ/T^(γ+1)</c>. Its length σ is the standard deviation of that density over T.
/// </summary>
public static class PowerFunctionProfile
{
    /// <summary>The longest average: γ = 0, all weights alike.</summary>
    public static double Longest { get; } = Length(0);

    /// <summary>σ of an exponent γ: <c>√((γ+1)/(γ+3))/(γ+2)</c>, 0.289 for 0 and falling.</summary>
    public static double Length(double exponent) => Math.Sqrt((exponent + 1) / (exponent + 3)) / (exponent + 2);

    /// <summary>γ of a length σ.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No average is so long.</exception>
    public static double Exponent(double length)
    {
        if (!(length > 0 && length <= Longest))
            throw new ArgumentOutOfRangeException(nameof(length), length, $"an average's length lies above 0 and up to {Longest:F3}");
        var (low, high) = (0.0, 1 / length + 1); // σ(γ) < 1/(γ+2)
        for (var i = 0; i < 100; i++)
        {
            var middle = (low + high) / 2;
            if (Length(middle) > length)
                low = middle;
            else
                high = middle;
        }

        return (low + high) / 2;
    }

    /// <summary>
    /// How averages that were kept add up to one that was not: the least-squares combination of their densities (Algorithm 3 of the paper).
    /// </summary>
    /// <param name="kept">Steps and lengths of the averages that were kept.</param>
    /// <param name="step">Step of the wanted one.</param>
    /// <param name="length">Its length.</param>
    /// <returns>A factor for each, and how far the densities stay apart: the root of the squared difference, as a share.</returns>
    public static (IReadOnlyList<double> Factors, double Error) Combine(
        IReadOnlyList<(double Step, double Length)> kept, double step, double length)
    {
        using var scope = NewDisposeScope();
        var each = kept.Select(one => (one.Step, Exponent: Exponent(one.Length))).ToArray();
        var wanted = (Step: step, Exponent: Exponent(length));
        var products = tensor([.. each.SelectMany(a => each.Select(b => Product(a, b)))]).view(each.Length, each.Length);
        var with = tensor([.. each.Select(a => Product(a, wanted))]).unsqueeze(1);
        var factors = linalg.pinv(products, rtol: 1e-13, hermitian: true).matmul(with);
        var own = Product(wanted, wanted);
        var apart = factors.t().matmul(products).matmul(factors).item<double>() - 2 * factors.t().matmul(with).item<double>() + own;
        return ([.. factors.data<double>()], Math.Sqrt(Math.Max(0, apart) / own));
    }

    /// <summary>The integral of the product of two densities.</summary>
    private static double Product((double Step, double Exponent) a, (double Step, double Exponent) b)
    {
        var (first, last) = a.Step <= b.Step ? (a, b) : (b, a);
        return (a.Exponent + 1) * (b.Exponent + 1) / (a.Exponent + b.Exponent + 1)
            * Math.Pow(first.Step / last.Step, last.Exponent) / last.Step;
    }
}
