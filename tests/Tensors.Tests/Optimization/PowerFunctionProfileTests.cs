using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Tests.Optimization;

/// <summary>Averages by a power of time beside what the paper's formulas say of them (arXiv:2312.02696).</summary>
public sealed class PowerFunctionProfileTests
{
    [Theory]
    [InlineData(16.97, 0.05)] // the paper's table of γ and σ: 6.94 for 0.10, 16.97 for 0.05
    [InlineData(6.94, 0.10)]
    public void Length_of_an_exponent_is_the_papers(double exponent, double length)
    {
        Assert.Equal(length, PowerFunctionProfile.Length(exponent), 1e-4);
        Assert.Equal(exponent, PowerFunctionProfile.Exponent(length), 1e-2);
    }

    [Theory]
    [InlineData(0.02)]
    [InlineData(0.15)]
    [InlineData(0.28)]
    public void Exponent_and_length_are_inverse(double length) =>
        Assert.Equal(length, PowerFunctionProfile.Length(PowerFunctionProfile.Exponent(length)), 1e-12);

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.29)]
    [InlineData(double.NaN)]
    public void Length_that_no_average_has_is_refused(double length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PowerFunctionProfile.Exponent(length));

    [Fact]
    public void Average_of_weights_that_grow_evenly_is_the_mean_of_its_density()
    {
        const int steps = 400;
        var exponent = PowerFunctionProfile.Exponent(0.1);

        // the density (γ+1) t^γ / T^(γ+1), whose mean is (γ+1)/(γ+2)·T; steps are means of t − 1 … t
        Assert.Equal((exponent + 1) / (exponent + 2) * steps + 0.5, Average(step => step, 0.1, steps), 0.2);
    }

    [Theory]
    [InlineData(0.05)]
    [InlineData(0.07)]
    [InlineData(0.12)]
    public void Any_length_is_put_together_of_those_that_were_kept(double length)
    {
        const int steps = 400;
        double Weights(int step) => Math.Sin(step / 25.0) + step / 100.0;
        var kept = Enumerable.Range(1, 8)
            .SelectMany(i => new[] { (Step: 50.0 * i, Length: 0.05), (Step: 50.0 * i, Length: 0.1) }).ToArray();

        var (factors, error) = PowerFunctionProfile.Combine(kept, steps, length);

        var made = kept.Zip(factors, (one, factor) => factor * Average(Weights, one.Length, (int)one.Step)).Sum();
        Assert.Equal(Average(Weights, length, steps), made, 0.01);
        Assert.InRange(error, 0, 0.05);
        if (length == 0.05)
            Assert.True(error < 1e-6); // it was kept
    }

    [Fact]
    public void Length_that_is_far_from_those_that_were_kept_is_said_to_be_off() =>
        Assert.True(PowerFunctionProfile.Combine([(400, 0.05)], 400, 0.2).Error > 0.3);

    /// <summary>The average that training would have kept of one weight.</summary>
    private static double Average(Func<int, double> weight, double length, int steps)
    {
        using var module = nn.Linear(1, 1, hasBias: false);
        using var average = new ExponentialMovingAverage(module, new ExponentialMovingAverageOptions { Length = length });
        using var _ = no_grad();
        for (var step = 1; step <= steps; step++)
        {
            module.weight!.fill_(Scalars.S(weight(step)));
            average.Update();
        }

        return average.State["weight"].item<float>();
    }
}
