using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Tests.Configuration;

public sealed class PlacesTests
{
    [Theory]
    [InlineData("/home/a/co/train is empty", "co/train is empty")]
    [InlineData("the cohort '/home/a/co' and --out /home/a/x.md", "the cohort 'co' and --out x.md")]
    [InlineData("set data.latents=/home/a/l", "set data.latents=l")]
    [InlineData("/home/ab/co", "/home/ab/co")] // another folder
    [InlineData("/mnt/home/a/co", "/mnt/home/a/co")] // within another path
    [InlineData("in /home/a: nothing", "in /home/a: nothing")]
    [InlineData("in '/home/a/'", "in '/home/a/'")]
    public void Paths_below_the_working_folder_are_shown_from_there(string sentence, string shown) =>
        Assert.Equal(shown, Places.Shorten(sentence, "/home/a"));

    [Fact]
    public void Nothing_is_shortened_at_the_root() => Assert.Equal("/home/a", Places.Shorten("/home/a", "/"));
}
