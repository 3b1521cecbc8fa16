using VoxelZoo.Engine.Compression;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Tests.Compression;

/// <summary>Masks whose every voxel holds the number of the mask, so that a mixed one says where each of its voxels is from.</summary>
public sealed class MaskMixingTests
{
    private const int Count = 6, Size = 16;

    [Fact]
    public void Nothing_is_mixed_without_a_share_and_the_masks_stay_as_they_are()
    {
        using var scope = NewDisposeScope();
        var masks = Numbered();

        Assert.True(Mix(new MaskMixingOptions(), masks).eq(masks).all().item<bool>());

        Mix(new MaskMixingOptions { Mosaic = 1 }, masks);
        Assert.True(masks.eq(Numbered()).all().item<bool>());
    }

    [Fact]
    public void Mosaic_has_its_own_upper_left_part_and_quarters_of_others()
    {
        using var scope = NewDisposeScope();
        var mixed = Mix(new MaskMixingOptions { Mosaic = 1 }, Numbered());
        for (var n = 0; n < Count; n++)
        {
            Assert.Equal(n, mixed[n, 0, 0, 0].item<float>());
            Assert.Equal(n, mixed[n, 0, Size / 4 - 1, Size / 4 - 1].item<float>());
            foreach (var (row, column) in new[] { (0, Size - 1), (Size - 1, 0), (Size - 1, Size - 1) })
                Assert.NotEqual(n, mixed[n, 0, row, column].item<float>());
            // each quarter is one mask's: so no more than four
            Assert.InRange(mixed[n].flatten().data<float>().ToArray().Distinct().Count(), 2, 4);
        }
    }

    [Fact]
    public void Cutmix_replaces_one_rectangle_whose_share_of_the_plane_is_uniform()
    {
        using var scope = NewDisposeScope();
        var shares = new List<double>();
        for (var seed = 0; seed < 60; seed++)
        {
            var mixed = Mix(new MaskMixingOptions { Cutmix = 1 }, Numbered(), seed);
            for (var n = 0; n < Count; n++)
            {
                var foreign = mixed[n, 0].ne(S((double)n));
                var (rows, columns) = (foreign.any(1).sum().item<long>(), foreign.any(0).sum().item<long>());
                Assert.Equal(rows * columns, foreign.sum().item<long>()); // a rectangle
                Assert.Equal(
                    mixed[n, 0].masked_select(foreign).max().item<float>(), mixed[n, 0].masked_select(foreign).min().item<float>());
                shares.Add(rows * columns / (double)(Size * Size));
            }
        }

        Assert.Equal(0.5, shares.Average(), 0.08); // sides are whole pixels, so a little less
    }

    [Fact]
    public void Copy_paste_adds_anothers_tumours_to_its_own()
    {
        using var scope = NewDisposeScope();
        var masks = zeros([3, 1, 4, 4]);
        for (var n = 0; n < 3; n++)
            masks[n, 0, n, n].fill_(S(1.0));

        var mixed = Mix(new MaskMixingOptions { CopyPaste = 1 }, masks);

        for (var n = 0; n < 3; n++)
        {
            Assert.Equal(2, mixed[n].sum().item<float>());
            Assert.Equal(1, mixed[n, 0, n, n].item<float>());
        }
    }

    [Fact]
    public void Each_way_is_taken_as_often_as_its_share_says()
    {
        using var scope = NewDisposeScope();
        var options = new MaskMixingOptions { Mosaic = 0.2, Cutmix = 0.2, CopyPaste = 0.3 };
        var untouched = 0;
        for (var seed = 0; seed < 200; seed++)
        {
            var mixed = Mix(options, Numbered(), seed);
            // the maximum with another's number is its own where that one is smaller, so only the smallest
            // mask always shows that it was mixed
            untouched += mixed[0].eq(S(0.0)).all().item<bool>() ? 1 : 0;
        }

        Assert.Equal(0.3, untouched / 200.0, 0.1);
    }

    private static Tensor Numbered() => arange(S((double)Count)).view(-1, 1, 1, 1).expand(-1, 1, Size, Size).contiguous();

    private static Tensor Mix(MaskMixingOptions options, Tensor masks, int seed = 1)
    {
        using var random = new Generator((ulong)seed, CPU);
        return new MaskMixing(options).Apply(masks, random);
    }
}
