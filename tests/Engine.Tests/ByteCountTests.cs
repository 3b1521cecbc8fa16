namespace VoxelZoo.Engine.Tests;

public sealed class ByteCountTests
{
    [Theory]
    [InlineData(0, "0 bytes")]
    [InlineData(1023, "1023 bytes")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(14155776, "13.5 MiB")]
    [InlineData(1L << 30, "1.00 GiB")]
    [InlineData(3L << 39, "1536.00 GiB")]
    [InlineData(-2048, "-2.0 KiB")]
    public void Amount_is_shown_in_the_largest_unit_of_which_there_is_one(long bytes, string shown) =>
        Assert.Equal(shown, ByteCount.Shown(bytes));
}
