using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Data.MaskMeasures;

public sealed class MaskMeasuresTests
{
    private static readonly double[] Sample = [3, -1, 4, 1, 5, -9, 2.5];

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(-0.75)]
    public void Wasserstein_distance_of_a_shifted_sample_is_the_shift(double shift)
    {
        Assert.Equal(Math.Abs(shift), Wasserstein.Distance(Sample, [.. Sample.Select(x => x + shift)])!.Value, 1e-12);
        // each number twice is the same distribution
        Assert.Equal(Math.Abs(shift), Wasserstein.Distance([.. Sample, .. Sample], [.. Sample.Select(x => x + shift)])!.Value, 1e-12);
    }

    [Fact]
    public void Wasserstein_distance_of_samples_of_other_sizes_moves_mass()
    {
        // a third of the mass from 0 to 3, where the other has all of it from 0 on: (1/3)·0 + (1/3)·1 + (1/3)·3 to a single 0
        Assert.Equal(4.0 / 3, Wasserstein.Distance([0, 1, 3], [0])!.Value, 1e-12);
        // halves at 0 and 1 against thirds at 0, 1, 2: F − G is 1/6 on [0, 1] and 1/3 on [1, 2]
        Assert.Equal(1.0 / 6 + 1.0 / 3, Wasserstein.Distance([0, 1], [0, 1, 2])!.Value, 1e-12);
        Assert.Null(Wasserstein.Distance([], [1]));
        Assert.Null(Wasserstein.Distance([1], []));
    }

    [Fact]
    public void Rank_correlation_is_one_of_what_grows_alike_and_shares_ranks_of_equal_numbers()
    {
        Assert.Equal(1, RankCorrelation.Spearman(Sample, [.. Sample.Select(x => Math.Exp(x))]), 1e-12);
        Assert.Equal(-1, RankCorrelation.Spearman(Sample, [.. Sample.Select(x => -x)]), 1e-12);
        // ranks 1, 2.5, 2.5, 4 and 1, 3, 2, 4: covariance 4.5, variances 4.5 and 5
        Assert.Equal(4.5 / Math.Sqrt(4.5 * 5), RankCorrelation.Spearman([10, 20, 20, 30], [1, 3, 2, 4]), 1e-12);
        Assert.Equal(0, RankCorrelation.Spearman([7, 7, 7], [1, 2, 3]));
    }

    [Fact]
    public void Adherence_counts_masks_and_bins_that_are_as_asked_for()
    {
        int[] first = [1, 0, 0, 2, 0, 0, 0], second = [0, 0, 3, 0, 0, 0, 0], other = [0, 0, 1, 1, 0, 0, 0];

        var adherence = SizeBinAdherence.Of([(first, first), (second, other)])!;

        Assert.Equal((2, 0.5, 12.0 / 14, 3.0 / 14), (adherence.Volumes, adherence.Exact, adherence.ExactBins, adherence.MeanAbsoluteError));
        Assert.Equal(
            RankCorrelation.Spearman([1, 0, 0, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0], [1, 0, 0, 2, 0, 0, 0, 0, 0, 1, 1, 0, 0, 0]),
            adherence.Spearman);
        Assert.Equal(1, SizeBinAdherence.Of([(first, first)])!.Spearman, 1e-12);
        Assert.Null(SizeBinAdherence.Of([]));
    }

    [Fact]
    public void Mask_is_measured_in_millimetres_and_shares_of_its_volume()
    {
        using var scope = NewDisposeScope();
        var mask = zeros([10, 20, 20]);
        mask.narrow(0, 2, 4).narrow(1, 5, 2).narrow(2, 10, 2).fill_(S(1.0)); // 16 voxels
        mask.narrow(0, 9, 1).narrow(1, 19, 1).narrow(2, 0, 2).fill_(S(1.0)); // 2: too few for a tumour, but counted

        var measured = MaskTumours.Of(mask, new Spacing(2, 1, 1));

        var tumour = Assert.Single(measured.Tumours);
        Assert.Equal(32, tumour.Volume);
        Assert.Equal(Math.Sqrt(6 * 6 + 1 + 1), tumour.Diameter, 1e-12);
        Assert.Equal((0.4, 0.3, 0.55), (Math.Round(tumour.Depth, 12), Math.Round(tumour.Height, 12), Math.Round(tumour.Width, 12)));
        Assert.Equal([1, 0, 1, 0, 0, 0, 0], measured.Bins);
    }

    [Fact]
    public void Distances_are_those_of_a_tumour_that_moved()
    {
        using var scope = NewDisposeScope();
        var spacing = new Spacing(1, 1, 1);
        var (here, there, none) = (zeros([10, 10, 10]), zeros([10, 10, 10]), zeros([10, 10, 10]));
        here.narrow(0, 1, 2).narrow(1, 2, 2).narrow(2, 3, 2).fill_(S(1.0));
        there.narrow(0, 4, 2).narrow(1, 2, 2).narrow(2, 8, 2).fill_(S(1.0));

        var moved = TumourDistances.Of("train", [MaskTumours.Of(here, spacing)], [MaskTumours.Of(there, spacing)]);
        var missing = TumourDistances.Of("train", [MaskTumours.Of(here, spacing)], [MaskTumours.Of(none, spacing)]);

        Assert.Equal((0.0, 0.0, 0.0, 0.0), (moved.Volume, moved.Diameter, moved.Height, moved.Count));
        Assert.Equal(
            (0.3, 0.5, 0.8), (Math.Round(moved.Depth!.Value, 12), Math.Round(moved.Width!.Value, 12), Math.Round(moved.Total!.Value, 12)));
        Assert.Equal((null, 1.0, null), (missing.Volume, missing.Count, missing.Total));
    }

    [Fact]
    public void Law_draws_what_the_masks_have_and_the_same_for_a_number()
    {
        int[] one = [0, 1, 0, 0, 0, 0, 0], three = [0, 2, 0, 0, 1, 0, 0];
        var law = new SizeBinLaw([one, three]);

        var drawn = Enumerable.Range(0, 4000).Select(number => law.Draw(5, number)).ToArray();

        Assert.All(drawn, bins => Assert.True(bins.Sum() is 1 or 3 && bins[1] + bins[4] == bins.Sum()));
        // a half has one tumour, and a quarter of all tumours is in bin 4: of 8000 in the mean, whose deviation is below 1 %
        Assert.InRange(drawn.Count(bins => bins.Sum() == 1) / 4000.0, 0.46, 0.54);
        Assert.InRange(drawn.Sum(bins => bins[4]) / (double)drawn.Sum(bins => bins.Sum()), 0.22, 0.28);
        Assert.Equal(drawn[17], new SizeBinLaw([one, three]).Draw(5, 17));
    }
}
