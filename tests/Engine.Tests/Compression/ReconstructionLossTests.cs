using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Engine.Compression;

namespace VoxelZoo.Engine.Tests.Compression;

public sealed class ReconstructionLossTests
{
    private const int Size = 4;

    private static double Of(string loss, float[] reconstruction, float[] volume, params long[] shape)
    {
        using var scope = NewDisposeScope();
        return ReconstructionLosses.ByName[loss](tensor(reconstruction, shape), tensor(volume, shape)).item<float>();
    }

    [Fact]
    public void L1_is_the_mean_absolute_difference() => Assert.Equal(0.5, Of("l1", [1, 2, 3, 4], [1, 1, 3, 5], 1, 1, 1, 2, 2));

    [Fact]
    public void L2_is_the_mean_squared_difference() => Assert.Equal(2.5, Of("l2", [1, 2, 3, 4], [1, 1, 3, 1], 1, 1, 1, 2, 2));

    [Fact]
    public void Cross_entropy_takes_logits()
    {
        // −ln σ(l) where there is tumour, −ln(1 − σ(l)) where there is none
        var expected = (Softplus(-2) + Softplus(1)) / 2;

        Assert.Equal(expected, Of("bce", [2, 1], [1, 0], 1, 1, 1, 1, 2), 1e-6);
    }

    [Fact]
    public void Dice_is_taken_of_each_sample()
    {
        // first: p = σ(0) = 1/2 twice, m = 1, 0; second: nothing expected, next to nothing predicted
        var first = 1 - (2 * 0.5 + 1) / (1 + 1 + 1);
        var second = 1 - 1 / (2 * Sigmoid(-20) + 1);

        Assert.Equal((first + second) / 2, Of("dice", [0, 0, -20, -20], [1, 0, 0, 0], 2, 1, 1, 1, 2), 1e-6);
    }

    [Fact]
    public void Boundary_weighs_the_border_eleven_times()
    {
        var random = new Random(3);
        var (logits, mask) = (new float[Size * Size * Size], new float[Size * Size * Size]);
        for (var i = 0; i < logits.Length; i++)
            logits[i] = random.NextSingle() * 4 - 2;
        mask[At(0, 0, 0)] = mask[At(0, 0, 1)] = 1; // in a corner: what lies outside the volume counts on neither side
        var (sum, weights) = (0.0, 0.0);
        for (var d = 0; d < Size; d++)
        {
            for (var h = 0; h < Size; h++)
            {
                for (var w = 0; w < Size; w++)
                {
                    var near = Near(mask, d, h, w);
                    var weight = near.Contains(0) && near.Contains(1) ? 11.0 : 1.0;
                    var logit = logits[At(d, h, w)];
                    sum += weight * Softplus(mask[At(d, h, w)] > 0 ? -logit : logit);
                    weights += weight;
                }
            }
        }

        Assert.Equal(sum / weights, Of("boundary", logits, mask, 1, 1, Size, Size, Size), 1e-5);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Boundary_without_a_border_is_cross_entropy(float mask)
    {
        float[] logits = [1, -1, 0.5f, 2], masks = [mask, mask, mask, mask];

        Assert.Equal(Of("bce", logits, masks, 1, 1, 1, 2, 2), Of("boundary", logits, masks, 1, 1, 1, 2, 2), 1e-6);
    }

    private static int At(int d, int h, int w) => (d * Size + h) * Size + w;

    private static HashSet<float> Near(float[] mask, int d, int h, int w) =>
    [
        .. from i in Enumerable.Range(Math.Max(0, d - 1), Math.Min(Size - 1, d + 1) - Math.Max(0, d - 1) + 1)
           from j in Enumerable.Range(Math.Max(0, h - 1), Math.Min(Size - 1, h + 1) - Math.Max(0, h - 1) + 1)
           from k in Enumerable.Range(Math.Max(0, w - 1), Math.Min(Size - 1, w + 1) - Math.Max(0, w - 1) + 1)
           select mask[At(i, j, k)],
    ];

    private static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    private static double Softplus(double x) => Math.Log(1 + Math.Exp(x));
}
