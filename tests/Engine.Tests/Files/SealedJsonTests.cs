using System.Text.Json;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Tests.Files;

public sealed class SealedJsonTests
{
    private static readonly Values Some = new() { Factor = 0.1, Name = "é\n", Loss = double.NaN, Means = [1.5, -2e-300] };

    [Fact]
    public void What_was_written_is_read() => Assert.Equivalent(Some, SealedJson.Read<Values>(SealedJson.Text(Some)));

    [Fact]
    public void File_without_a_seal_is_read() =>
        Assert.Equivalent(Some, SealedJson.Read<Values>(JsonSerializer.Serialize(Some, AtomicFile.Json)));

    [Fact]
    public void Other_spacing_is_the_same_file() =>
        Assert.Equivalent(Some, SealedJson.Read<Values>(SealedJson.Text(Some).Replace("\n", "\r\n", StringComparison.Ordinal)));

    [Fact]
    public void Every_flipped_bit_is_refused_or_changes_no_value()
    {
        var text = System.Text.Encoding.UTF8.GetBytes(SealedJson.Text(Some));
        for (var bit = 0; bit < 8 * text.Length; bit++)
        {
            var damaged = text.ToArray();
            damaged[bit / 8] ^= (byte)(1 << (bit % 8));
            try
            {
                Assert.Equivalent(Some, SealedJson.Read<Values>(System.Text.Encoding.UTF8.GetString(damaged)), strict: true);
            }
            catch (Exception e) when (e is InvalidDataException or JsonException)
            {
                // refused
            }
        }
    }

    private sealed record Values
    {
        public double Factor { get; init; }

        public required string Name { get; init; }

        public double Loss { get; init; }

        public required IReadOnlyList<double> Means { get; init; }
    }
}
