using System.Security.Cryptography;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Plugins.Tests.Metrics.FeatureSets;

namespace VoxelZoo.Plugins.Tests.Metrics;

public sealed class TorchScriptExtractorTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("voxelzoo-extractor-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Features_are_what_the_network_makes_of_each_volume()
    {
        using var scope = NewDisposeScope();
        var (x, y) = (rand([8, 2, 3, 4, 5]), rand([9, 2, 3, 4, 5]));
        var path = Network("torch.mean(x, [2, 3, 4])");

        var result = Fid(new() { Extractor = path }).Compute(x, y);

        Assert.Equal(Fid().Compute(x.mean([2, 3, 4]), y.mean([2, 3, 4])).Value, result.Value, 1e-6);
        Assert.Equal($"network.pt (sha256 {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(path)))})", result.Extractor);
    }

    [Fact]
    public void Network_may_make_a_row_of_each_slice()
    {
        using var scope = NewDisposeScope();
        var result = Kid(new() { Extractor = Network("torch.transpose(torch.mean(x, [0, 3, 4]), 0, 1)") })
            .Compute(rand([2, 1, 5, 4, 4]), rand([3, 1, 5, 4, 4]));
        Assert.Equal((10.0, 15.0, 1.0), (result.Details["n_real"], result.Details["n_generated"], result.Details["dimensions"]));
    }

    [Fact]
    public void Network_that_cannot_take_the_volumes_is_refused_with_its_name()
    {
        using var scope = NewDisposeScope();
        var x = rand([2, 1, 3, 4, 5]);
        Refused("cannot take volumes of [1, 1, 3, 4, 5]", "torch.reshape(x, [-1, 7])");
        Refused("makes [1, 1, 3, 4, 5] of a volume of [1, 1, 3, 4, 5], expected features [rows, d]", "x");

        void Refused(string sentence, string expression)
        {
            var metric = Fid(new() { Extractor = Network(expression) });
            var message = Assert.Throws<ArgumentException>(() => metric.Compute(x, x)).Message;
            Assert.Contains("the extractor network.pt (sha256 ", message);
            Assert.Contains(sentence, message);
        }
    }

    [Fact]
    public void File_that_is_not_there_or_no_network_is_refused()
    {
        Refused("no/such.pt", "there is no extractor `no/such.pt`: it is neither `scattering` nor a TorchScript file");
        var text = Path.Combine(_folder, "text.pt");
        File.WriteAllText(text, "no network");
        Refused(text, $"the extractor `{text}` cannot be loaded as TorchScript: ");

        static void Refused(string extractor, string sentence)
        {
            var refusal = Assert.Throws<PlanException>(() => Fid(new() { Extractor = extractor }));
            Assert.StartsWith(sentence, refusal.Message);
            Assert.Equal("extractor", refusal.Key);
        }
    }

    private string Network(string expression) => TorchScriptNetwork.Write(Path.Combine(_folder, "network.pt"), expression);
}
