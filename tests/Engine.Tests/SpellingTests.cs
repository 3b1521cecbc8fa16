namespace VoxelZoo.Engine.Tests;

public sealed class SpellingTests
{
    [Theory]
    [InlineData("unet3", "unet3d")]
    [InlineData("ditt", "dit")]
    [InlineData("UNET3D", "unet3d")]
    [InlineData("udt", null)]
    [InlineData("", null)]
    public void Nearest_is_what_was_meant_or_nothing(string word, string? nearest) =>
        Assert.Equal(nearest, Spelling.Nearest(word, ["unet3d", "dit", "wdm", "vqvae"]));
}
