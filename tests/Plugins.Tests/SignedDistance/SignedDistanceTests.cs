using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.SignedDistance;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.SignedDistance;

public sealed class SignedDistanceTests
{
    private static readonly ICompressor<SignedDistanceOptions> Part = new SignedDistanceCompressor();

    private static Compressor Create(double reach, int factor = 1) =>
        Part.Create(new SignedDistanceOptions { Reach = reach, Factor = factor }, Contexts.Cpu);

    /// <summary>Against all distances of all pairs of voxels.</summary>
    [Theory]
    [InlineData(1.0, 0.02)]
    [InlineData(2.5, 0.02)]
    [InlineData(3.0, 0.4)]
    [InlineData(4.0, 0.95)]
    public void Latent_is_the_distance_to_the_nearest_voxel_on_the_other_side(double reach, double share)
    {
        using var scope = NewDisposeScope();
        using var compressor = Create(reach);
        using var random = new Generator(3, CPU);
        var mask = rand([1, 1, 7, 9, 11], generator: random).lt(S(share));
        var latent = compressor.Encode(mask.to(ScalarType.Float32));

        bool[,,] inside = new bool[7, 9, 11];
        foreach (var (z, y, x) in Voxels())
            inside[z, y, x] = mask[0, 0, z, y, x].item<bool>();
        foreach (var (z, y, x) in Voxels())
        {
            var nearest = Voxels().Where(to => inside[to.Z, to.Y, to.X] != inside[z, y, x])
                .Select(to => Math.Sqrt(Square(to.Z - z) + Square(to.Y - y) + Square(to.X - x))).DefaultIfEmpty(1e9).Min();
            var signed = inside[z, y, x] ? nearest - 0.5 : 0.5 - nearest;
            Assert.Equal(Math.Clamp(0.5 + signed / (2 * reach), 0, 1), latent[0, 0, z, y, x].item<float>(), 1e-5);
        }

        static IEnumerable<(int Z, int Y, int X)> Voxels() =>
            from z in Enumerable.Range(0, 7) from y in Enumerable.Range(0, 9) from x in Enumerable.Range(0, 11) select (z, y, x);

        static double Square(double number) => number * number;
    }

    [Theory]
    [InlineData(1.0, 1)]
    [InlineData(3.0, 2)]
    [InlineData(31.7, 4)]
    public void Mask_comes_back(double reach, int factor)
    {
        using var scope = NewDisposeScope();
        using var compressor = Create(reach, factor);
        var mask = rand([2, 3, 8, 12, 16]).lt(S(0.1)).to(ScalarType.Float32);
        Assert.True((compressor.Decode(compressor.Encode(mask)) - mask).abs().max().item<float>() < 1e-5f);
    }

    [Fact]
    public void Empty_mask_is_zero_and_a_full_one_is_one()
    {
        using var scope = NewDisposeScope();
        using var compressor = Create(3);
        Assert.Equal(0, compressor.Encode(zeros([1, 1, 4, 4, 4])).abs().max().item<float>());
        Assert.Equal(1, compressor.Encode(ones([1, 1, 4, 4, 4])).min().item<float>());
    }

    [Fact]
    public void Blocks_are_those_of_space_to_depth()
    {
        using var scope = NewDisposeScope();
        using var voxels = Create(3);
        using var blocks = Create(3, factor: 2);
        var mask = rand([1, 2, 4, 6, 8]).lt(S(0.1)).to(ScalarType.Float32);
        var plain = voxels.Encode(mask);
        var latent = blocks.Encode(mask);
        Assert.Equal([1, 16, 2, 3, 4], latent.shape);
        Assert.Equal(plain[0, 1, 2, 5, 6].item<float>(), latent[0, 8 + 2, 1, 2, 3].item<float>());
        Assert.Equal(new VolumeShape(16, 2, 3, 4), Part.LatentShape(new SignedDistanceOptions(), new VolumeShape(2, 4, 6, 8)));
    }

    [Fact]
    public void Odd_size_is_refused_with_a_remedy()
    {
        var refusal = Assert.Throws<PlanException>(
            () => Part.LatentShape(new SignedDistanceOptions(), new VolumeShape(1, 15, 16, 16)));
        Assert.Contains("depth 15", refusal.Message);
        Assert.Contains("pad it to 16 or change factor", refusal.Message);
    }

    [Fact]
    public void Passes_leave_no_tensors_behind()
    {
        using var compressor = Create(3, factor: 2);
        using var mask = ones([1, 1, 4, 4, 4]);
        using var scope = NewDisposeScope();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (var latent = compressor.Encode(mask))
            compressor.Decode(latent).Dispose();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }
}
