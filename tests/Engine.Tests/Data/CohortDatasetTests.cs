using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Tests.Data;

public sealed class CohortDatasetTests : IDisposable
{
    private static readonly DataOptions Small = new() { Depth = 2, OriginalDepth = 2, Height = 2, Width = 2 };

    private readonly CohortFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The only patient's image, prepared.</summary>
    private float[] Prepared(DataOptions options, string kind)
    {
        using var batch = new CohortDataset(_folder.Open(), "train", options, [kind]).Load(0);
        return batch.Images[kind].data<float>().ToArray();
    }

    private string RefusalOf(DataOptions options) => Assert.Throws<PlanException>(() => Prepared(options, "bravo")).Message;

    [Fact]
    public void Batch_has_each_kind_by_name_with_a_channel()
    {
        _folder.Add("train", "a", "bravo").Add("train", "a", "seg").Add("train", "b", "bravo").Add("train", "b", "seg");
        using var batch = new CohortDataset(_folder.Open(), "train", Small with { MergeLabels = true }, ["bravo", "seg"]).Load(1, 0);
        Assert.Equal(["b", "a"], batch.Patients);
        Assert.Equal(["bravo", "seg"], batch.Images.Keys.Order());
        Assert.All(batch.Images.Values, image => Assert.Equal([2, 1, 2, 2, 2], image.shape));
    }

    [Fact]
    public void Intensities_go_from_zero_to_one_per_volume()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 2, 2, 2), -4, 0, 4, 8, 12, 16, 20, 12);
        Assert.Equal([0, 1 / 6f, 2 / 6f, 3 / 6f, 4 / 6f, 5 / 6f, 1, 4 / 6f], Prepared(Small, "bravo"));
    }

    [Fact]
    public void Constant_volume_becomes_zero()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 2, 2, 2), 7, 7, 7, 7, 7, 7, 7, 7);
        Assert.All(Prepared(Small, "bravo"), voxel => Assert.Equal(0, voxel));
    }

    [Fact]
    public void Fixed_normalization_divides_by_the_clip_and_clips()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 2, 2, 2), -5, 0, 1, 2, 3, 4, 5, 50);
        var options = Small with { Normalization = Normalization.Fixed, ClipMax = new Dictionary<string, double> { ["bravo"] = 5 } };
        Assert.Equal([0, 0, 0.2f, 0.4f, 0.6f, 0.8f, 1, 1], Prepared(options, "bravo"));
    }

    // eight voxels: the second and the last but one lie at the shares 1/7 and 6/7, and half-way between two at 1/14
    [Fact]
    public void Quantiles_take_the_place_of_the_extremes_and_what_lies_beyond_is_clipped()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 2, 2, 2), -5, 0, 1, 2, 3, 4, 5, 50);
        Assert.Equal([0, 0, 0.2f, 0.4f, 0.6f, 0.8f, 1, 1], Prepared(Small with { ClipQuantiles = [1 / 7.0, 6 / 7.0] }, "bravo"));
        Assert.Equal((5 + 2.5f) / (27.5f + 2.5f), Prepared(Small with { ClipQuantiles = [1 / 14.0, 13 / 14.0] }, "bravo")[6], 1e-6f);
    }

    [Fact]
    public void Quantiles_between_which_nothing_is_left_are_refused_by_patient()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 2, 2, 2), 0, 0, 0, 0, 0, 0, 5, 50);
        _folder.Add("train", "b", "bravo", new VolumeShape(1, 2, 2, 2), 7, 7, 7, 7, 7, 7, 7, 7); // is said otherwise
        var options = Small with { ClipQuantiles = [0.01, 0.5] };
        var refusal = RefusalOf(options);
        Assert.Contains(
            "nothing is left between the quantiles 0.01 and 0.5 of data.clip_quantiles, which are both 0: ",
            refusal,
            StringComparison.Ordinal);
        Assert.StartsWith(_folder.File("train", "a", "bravo"), refusal, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => VolumePreparation.Prepare(_folder.File("train", "a", "bravo"), "bravo", options));
        Assert.Equal([0, 0, 0, 0, 0, 0, 1, 1], Prepared(Small with { ClipQuantiles = [0.01, 6 / 7.0] }, "bravo"));
    }

    [Theory]
    [InlineData(Normalization.Fixed, 0.001, 0.999)]
    [InlineData(Normalization.PerVolume, 0.9, 0.1)]
    [InlineData(Normalization.PerVolume, 0.0, 1.5)]
    public void Quantiles_that_mean_nothing_are_refused(Normalization normalization, double low, double high) => Assert.Equal(
        "clip_quantiles",
        Assert.Throws<PlanException>(() => (Small with { Normalization = normalization, ClipQuantiles = [low, high] }).Validate([])).Key);

    [Fact]
    public void Fixed_normalization_without_a_clip_is_refused() =>
        Assert.Equal(
            "clip_max", Assert.Throws<PlanException>(() => (Small with { Normalization = Normalization.Fixed }).Validate(["flair"])).Key);

    [Theory]
    [InlineData(8, 6, 4, 3)]
    [InlineData(7, 9, 3, 5)]
    public void Slices_shrink_by_adaptive_average_pooling_after_scaling(int rows, int columns, int height, int width)
    {
        using var scope = torch.NewDisposeScope();
        var voxels = torch.rand([2, rows, columns], generator: new torch.Generator(1));
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 2, rows, columns), voxels.data<float>().ToArray());
        var scaled = (voxels - voxels.min()) / (voxels.max() - voxels.min());
        var expected = torch.nn.functional.adaptive_avg_pool2d(scaled, (height, width)).data<float>().ToArray();
        Assert.Equal(expected, Prepared(Small with { Height = height, Width = width }, "bravo"), (a, b) => Math.Abs(a - b) < 1e-6);
    }

    [Theory]
    [InlineData(SegRule.MoreThanHalf, 0, 0, 1)]
    [InlineData(SegRule.AtLeastHalf, 0, 1, 1)]
    [InlineData(SegRule.Any, 1, 1, 1)]
    public void Mask_of_one_two_and_three_quarters_follows_the_rule(SegRule rule, float one, float two, float three)
    {
        _folder.Add("train", "a", "seg", new VolumeShape(1, 1, 2, 6), 1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1);
        Assert.Equal(
            [one, two, three], Prepared(new DataOptions { Depth = 1, OriginalDepth = 1, Height = 1, Width = 3, SegRule = rule }, "seg"));
    }

    [Theory]
    [InlineData(PadMode.Replicate, 3)]
    [InlineData(PadMode.Constant, 0)]
    public void Depth_is_padded_behind_the_real_slices(PadMode mode, float pad)
    {
        _folder.Add("train", "a", "seg", new VolumeShape(1, 2, 1, 1), 0, 1);
        var options = new DataOptions { Depth = 5, OriginalDepth = 3, Height = 1, Width = 1, PadMode = mode };
        using var batch = new CohortDataset(_folder.Open(), "train", options, ["seg"]).Load(0);
        Assert.Equal([0, 1, pad > 0 ? 1 : 0, pad > 0 ? 1 : 0, pad > 0 ? 1 : 0], batch.Images["seg"].data<float>().ToArray());
        Assert.Equal([2], batch.RealSlices);
    }

    [Fact]
    public void Slice_step_keeps_every_nth_slice_and_widens_the_spacing()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 5, 1, 1), 0, 1, 2, 3, 4);
        var options = new DataOptions { Depth = 3, OriginalDepth = 3, Height = 1, Width = 1, SliceStep = 2 };
        Assert.Equal([0, 0.5f, 1], Prepared(options, "bravo"));
        Assert.Equal(2, options.Spacing.Depth);
    }

    [Theory]
    [InlineData(256, 0.9375)]
    [InlineData(128, 1.875)]
    public void Spacing_follows_the_size(int size, double expected) =>
        Assert.Equal(new Spacing(1, expected, expected), new DataOptions { Height = size, Width = size }.Spacing);

    [Fact]
    public void File_with_too_many_slices_is_refused_with_the_numbers()
    {
        _folder.Add("train", "a", "bravo");
        Assert.Contains(
            "2 slices are more than the 1 of data.original_depth", RefusalOf(Small with { OriginalDepth = 1 }), StringComparison.Ordinal);
    }

    [Fact]
    public void File_with_slices_that_are_too_small_is_refused_with_the_numbers()
    {
        _folder.Add("train", "a", "bravo");
        Assert.Contains("2×2 are smaller than the 3×2", RefusalOf(Small with { Height = 3 }), StringComparison.Ordinal);
    }

    [Fact]
    public void File_with_voxels_that_are_not_finite_is_refused_by_name()
    {
        _folder.Add("train", "a", "bravo", new VolumeShape(1, 1, 2, 2), 0, 1, 2, float.NaN);
        Assert.StartsWith(_folder.File("train", "a", "bravo"), RefusalOf(Small), StringComparison.Ordinal);
    }

    [Fact]
    public void Images_of_one_patient_with_different_slice_counts_are_refused()
    {
        _folder.Add("train", "a", "bravo").Add("train", "a", "seg", new VolumeShape(1, 1, 2, 2), 0, 0, 0, 0);
        var error = Assert.Throws<PlanException>(
            () => new CohortDataset(_folder.Open(), "train", Small with { AllowGeometryMismatch = true }, ["bravo", "seg"]));
        Assert.Contains("is 2×2×1, but bravo is 2×2×2", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Patients_without_a_wanted_kind_are_skipped_by_name()
    {
        _folder.Add("train", "a", "bravo").Add("train", "b", "bravo")
            .Add("train", "b", "seg", new VolumeShape(1, 2, 2, 2), 0, 0, 1, 0, 0, 0, 0, 1);
        var refusal = Assert.Throws<PlanException>(() => new CohortDataset(_folder.Open(), "train", Small, ["bravo", "seg"]));
        Assert.Contains("1 of the 2 patients", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("a has no seg", refusal.Message, StringComparison.Ordinal);
        var cohort = _folder.Open();
        var dataset = new CohortDataset(cohort, "train", Small with { AllowMissing = true }, ["bravo", "seg"]);
        Assert.Contains(cohort.Findings, finding => finding is { Patient: "a", Finding: "is left out: it has no seg." });
        Assert.Equal(["b"], dataset.Patients);
        Assert.Equal(["a"], dataset.Skipped);
    }

    [Fact]
    public void Split_without_a_complete_patient_is_refused()
    {
        _folder.Add("train", "a", "bravo");
        var error = Assert.Throws<PlanException>(() => new CohortDataset(_folder.Open(), "train", Small, ["bravo", "seg"]));
        Assert.Contains("none of the 1 patients", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("train", 1)]
    [InlineData("val", 2)]
    public void Positive_only_concerns_the_training_split(string split, int expected)
    {
        foreach (var s in Cohort.AllSplits)
        {
            _folder.Add(s, s + "-healthy", "seg", new VolumeShape(1, 1, 2, 2), 0, 0, 0, 0);
            _folder.Add(s, s + "-ill", "seg", new VolumeShape(1, 1, 2, 2), 0, 0, 0, 1);
        }

        Assert.Equal(expected, new CohortDataset(_folder.Open(), split, Small with { PositiveOnly = true }, ["seg"]).Count);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(0, false)]
    public void Volume_is_decoded_once_where_the_cache_has_room(int megabytes, bool kept)
    {
        _folder.Add("train", "a", "bravo");
        var dataset = new CohortDataset(_folder.Open(), "train", Small with { CacheMegabytes = megabytes }, ["bravo"]);
        dataset.Load(0).Dispose();
        File.Delete(_folder.File("train", "a", "bravo"));
        var again = Record.Exception(() => dataset.Load(0).Dispose());
        Assert.Equal(kept, again is null);
    }

    [Fact]
    public void Original_depth_beyond_depth_is_refused() =>
        Assert.Equal("original_depth", Assert.Throws<PlanException>(() => new DataOptions { Depth = 100 }.Validate([])).Key);
}
