namespace VoxelZoo.Abstractions.Tests;

public sealed class PlanExceptionTests
{
    [Theory]
    [InlineData(null, null)]
    [InlineData("patch_size", "patch_size")]
    public void Path_of_a_parts_refusal_is_its_key(string? key, string? path)
    {
        var refusal = new PlanException("no", key);

        Assert.Equal((null, key, path), (refusal.Section, refusal.Key, refusal.Path));
    }

    [Theory]
    [InlineData(null, "architecture")]
    [InlineData("", "architecture")]
    [InlineData("patch_size", "architecture.patch_size")]
    [InlineData("channels.0", "architecture.channels.0")]
    public void Path_begins_with_the_section_that_was_put_before_it(string? key, string path)
    {
        var refusal = new PlanException("no", key).In("architecture");

        Assert.Equal(("architecture", key, path, "no"), (refusal.Section, refusal.Key, refusal.Path, refusal.Message));
    }

    [Theory]
    [InlineData(null, "synthesize")]
    [InlineData("train", "synthesize.train")]
    public void Path_grows_outwards_and_the_key_stays_relative_to_the_section(string? key, string relative)
    {
        var refusal = new PlanException("no", key).In("synthesize").In("data");

        Assert.Equal(("data", relative, $"data.{relative}"), (refusal.Section, refusal.Key, refusal.Path));
    }
}
