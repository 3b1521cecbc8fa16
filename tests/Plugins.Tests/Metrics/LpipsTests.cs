using System.Security.Cryptography;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

/// <summary>
/// With features that are the slice itself, each place is normalised to (1, 1, 1)/√3 where the voxel is not 0: the distance is the share of
/// places where just one of the two volumes is 0.
/// </summary>
public sealed class LpipsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("voxelzoo-lpips-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Distance_is_the_share_of_places_that_differ()
    {
        using var scope = NewDisposeScope();
        var real = full([2, 1, 6, 4, 8], S(0.7));
        var generated = full([2, 1, 6, 4, 8], S(0.2));
        generated[0, 0, 1].zero_(); // one slice of six
        generated[1, 0, TensorIndex.Colon, 0].zero_(); // one row of four

        var result = Lpips("x").Compute(real, generated);

        Assert.Equal(1.0 / 6, result.Values[0], 1e-6);
        Assert.Equal(1.0 / 4, result.Values[1], 1e-6);
        Assert.Equal(result.Values.Average(), result.Value, 12);
    }

    [Fact]
    public void Layers_are_added_and_chunks_change_nothing()
    {
        using var scope = NewDisposeScope();
        var (real, generated) = (rand([1, 2, 5, 4, 4]), rand([1, 2, 5, 4, 4]));
        const string Maps = "torch.cat([x, torch.mul(x, x)], 1)";

        var one = Lpips(Maps).Compute(real, generated).Value;

        Assert.Equal(2 * one, Lpips($"({Maps}, {Maps})", returns: "Tuple[Tensor, Tensor]").Compute(real, generated).Value, 1e-6);
        Assert.Equal(one, Lpips(Maps, chunk: 3).Compute(real, generated).Value, 1e-6);
        Assert.Equal(ByHand(), one, 1e-6);

        double ByHand()
        {
            var (a, b) = (Unit(real), Unit(generated));
            return (a - b).square().sum(0L).mean().item<double>();

            // channels and slices are slices alike; features are three greys and three squares
            Tensor Unit(Tensor volume)
            {
                var v = volume.flatten().to_type(ScalarType.Float64);
                var maps = stack([v, v, v, v * v, v * v, v * v], 0);
                return maps / maps.square().sum(0L).sqrt();
            }
        }
    }

    [Fact]
    public void Equal_volumes_have_no_distance_and_the_network_is_named()
    {
        using var scope = NewDisposeScope();
        var volume = rand([1, 1, 3, 4, 4]);

        var result = Lpips("x").Compute(volume, volume);

        Assert.Equal(0, result.Value);
        Assert.Equal(
            $"network.pt (sha256 {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(_folder, "network.pt"))))})",
            result.Extractor);
    }

    [Fact]
    public void Without_a_network_or_its_file_it_is_refused_with_the_option()
    {
        Assert.StartsWith(
            "lpips compares features of a network; set network to a TorchScript file", Refusal(null), StringComparison.Ordinal);
        Assert.StartsWith("there is no network `no/such.pt`", Refusal("no/such.pt"), StringComparison.Ordinal);

        static string Refusal(string? network)
        {
            var refusal = Assert.Throws<PlanException>(() => new LpipsMetric().Create(new() { Network = network }, Contexts.Cpu));
            Assert.Equal("network", refusal.Key);
            return refusal.Message;
        }
    }

    [Fact]
    public void Network_that_makes_no_maps_is_refused_before_and_when_computing()
    {
        using var scope = NewDisposeScope();
        var metric = Lpips("torch.mean(x, [2, 3])");

        Assert.Contains(
            "expected features [n, c, h, w]",
            Assert.Throws<ArgumentException>(() => metric.Check(new VolumeShape(1, 3, 4, 4))).Message,
            StringComparison.Ordinal);
        Assert.Contains(
            "makes [1, 3] of slices [1, 3, 4, 4]",
            Assert.Throws<ArgumentException>(() => metric.Compute(rand([1, 1, 3, 4, 4]), rand([1, 1, 3, 4, 4]))).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Describing_reads_no_file() =>
        new LpipsMetric().Create(new() { Network = "no/such.pt" }, Contexts.Meta).Check(new VolumeShape(1, 3, 4, 4));

    private Metric Lpips(string expression, int chunk = 32, string returns = "Tensor")
    {
        var path = Path.Combine(_folder, "network.pt");
        File.Delete(path);
        return new LpipsMetric().Create(
            new() { Network = TorchScriptNetwork.Write(path, expression, returns), Chunk = chunk }, Contexts.Cpu);
    }
}
