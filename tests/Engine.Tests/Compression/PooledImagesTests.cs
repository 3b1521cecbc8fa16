using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Compression;

public sealed class PooledImagesTests(TinyCohort cohort) : IClassFixture<TinyCohort>
{
    private PooledImages Images(RandomCrop? crop, params string[] kinds) =>
        new(Cohort.Open(cohort.Path), Cohort.Val, TinyCohort.Options(cohort.Path), kinds, crop);

    [Fact]
    public void Every_image_of_every_patient_is_a_sample()
    {
        var images = Images(null, "t1_pre", "bravo");

        Assert.Equal(["val0/t1_pre", "val0/bravo", "val1/t1_pre", "val1/bravo"], Enumerable.Range(0, images.Count).Select(images.Name));
        using var batch = ((IBatchSource)images).Load([1, 2], 3, 5, CancellationToken.None);
        Assert.Equal([2, 1, 8, 8, 8], batch.Images[PooledImages.Image].shape);
        Assert.Equal((3, 5), (batch.Epoch, batch.Index));
        Assert.Equal(["val0/bravo", "val1/t1_pre"], batch.Patients);
        Assert.Equal([6, 6], batch.RealSlices);
    }

    [Fact]
    public void Sample_is_the_image()
    {
        using var scope = NewDisposeScope();
        using var pooled = Images(null, "seg", "bravo").Load(3);
        using var alone = new CohortDataset(Cohort.Open(cohort.Path), Cohort.Val, TinyCohort.Options(cohort.Path), ["bravo"]).Load(1);

        Assert.True(pooled.Images[PooledImages.Image].eq(alone.Images["bravo"]).all().item<bool>());
    }

    [Fact]
    public void Kind_that_no_patient_has_is_refused()
    {
        var options = TinyCohort.Options(cohort.Path) with { Normalization = Normalization.PerVolume };

        var refusal = Assert.Throws<PlanException>(
            () => new PooledImages(Cohort.Open(cohort.Path), Cohort.Val, options, ["bravo", "flair"]));

        Assert.Contains("has flair", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Crop_is_a_block_of_the_volume_whose_place_depends_on_seed_epoch_and_sample()
    {
        var crop = new RandomCrop(new VolumeShape(1, 4, 2, 3), 42);
        var blocks = new[] { (42, 0, 0), (42, 0, 0), (42, 1, 0), (42, 0, 1), (43, 0, 0) }
            .Select(place => Block(crop with { Seed = place.Item1 }, place.Item2, place.Item3)).ToArray();

        Assert.Equal(blocks[0], blocks[1]);
        Assert.All(blocks[2..], other => Assert.NotEqual(blocks[0], other));
        using var whole = Images(null, "bravo").Load(0);
        var voxels = whole.Images[PooledImages.Image].data<float>().ToArray();
        var at = Array.IndexOf(voxels, blocks[0][0]);
        Assert.Equal(
            from d in Enumerable.Range(0, 4)
            from h in Enumerable.Range(0, 2)
            from w in Enumerable.Range(0, 3)
            select voxels[at + 64 * d + 8 * h + w],
            blocks[0]);
    }

    private float[] Block(RandomCrop crop, int epoch, int sample)
    {
        using var batch = ((IBatchSource)Images(crop, "bravo")).Load([sample], epoch, 0, CancellationToken.None);
        return batch.Images[PooledImages.Image].data<float>().ToArray();
    }

    [Theory]
    [InlineData(4, 4)] // there are six real slices
    [InlineData(6, 6)]
    [InlineData(8, 6)]
    public void Crop_holds_padding_only_where_it_is_larger_than_the_real_volume(int depth, int real)
    {
        IBatchSource images = Images(new RandomCrop(new VolumeShape(1, depth, 8, 8), 1), "bravo");
        for (var epoch = 0; epoch < 20; epoch++)
        {
            using var batch = images.Load([0], epoch, 0, CancellationToken.None);
            Assert.Equal(depth, batch.Images[PooledImages.Image].shape[2]);
            Assert.Equal([real], batch.RealSlices);
        }
    }

    [Theory]
    [InlineData(4, 4)] // of six real slices
    [InlineData(6, 6)]
    [InlineData(9, 6)] // all, and three of them again
    public void Scattered_slices_are_real_ones_of_the_volume_in_a_drawn_order(int wanted, int distinct)
    {
        var crop = new RandomCrop(new VolumeShape(1, wanted, 8, 8), 42, Scattered: true);
        using var whole = Images(null, "bravo").Load(0);
        var slices = whole.Images[PooledImages.Image].data<float>().ToArray().Chunk(64).ToArray();

        var drawn = Block(crop, 0, 0).Chunk(64).Select(slice => Array.FindIndex(slices, one => one.SequenceEqual(slice))).ToArray();

        Assert.Equal(wanted, drawn.Length);
        Assert.All(drawn, slice => Assert.InRange(slice, 0, TinyCohort.RealSlices - 1));
        Assert.Equal(distinct, drawn.Distinct().Count());
        Assert.NotEqual(
            drawn, Block(crop, 1, 0).Chunk(64).Select(slice => Array.FindIndex(slices, one => one.SequenceEqual(slice))).ToArray());
    }
}
