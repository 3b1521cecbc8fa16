namespace VoxelZoo.Abstractions.Tests;

public sealed class FittingTests
{
    [Theory]
    [InlineData(null)]
    [InlineData(7)]
    public void Channels_follow_from_the_shape_where_the_option_says_the_same_or_nothing(int? option)
    {
        Assert.Equal(7, Fitting.InChannels(option, Shape(channels: 4, condition: 3)));
        Assert.Equal(7, Fitting.OutChannels(option, Shape(channels: 7, condition: 3)));
        Assert.Equal(7, Fitting.Agree(option, 7, "depth_size", "the latent has 7 slices"));
    }

    [Fact]
    public void Contradiction_is_refused_with_both_numbers_and_the_key()
    {
        Refused("in_channels", "in_channels is 2 but the latent and its condition have 7 channels; leave in_channels out",
            () => Fitting.InChannels(2, Shape(channels: 4, condition: 3)));
        Refused("out_channels", "out_channels is 2 but the latent has 4 channels; leave out_channels out",
            () => Fitting.OutChannels(2, Shape(channels: 4, condition: 3)));
        Refused("depth_size", "depth_size is 2 but the latent has 7 slices; leave depth_size out",
            () => Fitting.Agree(2, 7, "depth_size", "the latent has 7 slices"));
        Refused("in_channels", "in_channels is 2 but the volume has 4 channels",
            () => Fitting.RefuseOtherChannels(2, Volume(channels: 4)));
    }

    [Theory]
    [InlineData(null, 2)]
    [InlineData(1, null)]
    public void Channels_that_nobody_gave_are_refused(int? inChannels, int? outChannels)
    {
        Refused("in_channels", "the UNet's channels in and out are not known; set in_channels and out_channels",
            () => Fitting.Require(inChannels, outChannels, "UNet"));
        Assert.Equal((1, 2), Fitting.Require(1, 2));
    }

    [Theory]
    [InlineData(12, 10, 9, "height 10 → 12")]
    [InlineData(13, 10, 9, "depth 13 → 16")]
    [InlineData(4, 4, 9, "width 9 → 12")]
    [InlineData(4, 2, 4, "height 2 → 4")]
    public void Remainder_names_the_first_axis_that_has_one_and_the_next_multiple(int depth, int height, int width, string found) =>
        Refused("patch_size", found, () => Fitting.RefuseRemainder(
            new VolumeShape(1, depth, height, width), 4, "patch_size", remainder =>
                $"{remainder.Axis} {remainder.Size} → {remainder.Padded}"));

    [Fact]
    public void Levels_that_the_grid_does_not_halve_into_are_refused_with_the_number_that_it_does() =>
        Refused(
            "channels",
            "height 20 of the 16×20×8 grid is not divisible by 8, as 4 levels need; take 3 or pad to 24",
            () => Fitting.RefuseLevels(
                new VolumeShape(1, 16, 20, 8), 4, "channels", remainder => $"take {remainder.Levels} or pad to {remainder.Padded}"));

    [Fact]
    public void Sizes_that_divide_are_let_through()
    {
        Fitting.RefuseOtherChannels(4, Volume(channels: 4));
        Fitting.RefuseRemainder(new VolumeShape(3, 8, 4, 12), 4, null, _ => "");
        Fitting.RefuseLevels(new VolumeShape(3, 8, 4, 12), 3, "channels", _ => "");
        Fitting.RefuseLevels(new VolumeShape(3, 7, 5, 3), 1, "channels", _ => "");
    }

    private static void Refused(string key, string sentence, Action fit)
    {
        var refusal = Assert.Throws<PlanException>(fit);
        Assert.Equal((key, sentence), (refusal.Key, refusal.Message));
    }

    private static VolumeShape Volume(int channels) => new(channels, 4, 4, 4);

    private static DiffusionShape Shape(int channels, int condition) => new(Volume(1), Volume(channels), condition);
}
