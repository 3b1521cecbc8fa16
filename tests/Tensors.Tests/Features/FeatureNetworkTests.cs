using VoxelZoo.Tensors.Features;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors.Tests.Features;

/// <summary>
/// The networks beside torchvision and PyTorch 1.13, with weights that a formula gives in both languages:
/// <c>tests/Reference/features.py</c>.
/// </summary>
public sealed class FeatureNetworkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("voxelzoo-features-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("resnet50_imagenet")]
    [InlineData("resnet50_radimagenet")]
    [InlineData("biomedclip")]
    public void Network_makes_the_features_that_its_public_implementation_makes(string id)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var kind = Kind(id);
        using var reference = SafetensorsFile.Read(ReferenceFile.PathOf("features.io.safetensors"));
        var (source, path) = (Path.Combine(_folder, "weights.safetensors"), Path.Combine(_folder, "features.safetensors"));
        SafetensorsFile.Write(source, Given(kind));

        var foreign = FeatureNetwork.Export(kind, source, path);

        Assert.Equal(Foreign(kind).Order(), foreign.Order());
        using var network = FeatureNetwork.Load(path, CPU);
        var slices = reference["slices"];
        Assert.True(Difference(network.Rows(slices.expand(-1, 3, -1, -1)), reference[$"{id}.rows"]) < 1e-4);
        if (kind.HasMaps)
            Assert.True(Difference(network.Maps(slices.clamp(S(0.0), S(1.0)).expand(-1, 3, -1, -1)), reference[$"{id}.maps"]) < 1e-4);
        else
            Assert.Contains("use resnet50_imagenet or ", Assert.Throws<ArgumentException>(() => network.Maps(slices)).Message);
    }

    [Fact]
    public void Equal_weights_are_exported_to_equal_files_that_name_their_preprocessing()
    {
        using var scope = NewDisposeScope();
        var kind = Kind("resnet50_imagenet");
        var source = Path.Combine(_folder, "weights.safetensors");
        SafetensorsFile.Write(source, Given(kind));
        var (one, other) = (Path.Combine(_folder, "one.safetensors"), Path.Combine(_folder, "other.safetensors"));

        FeatureNetwork.Export(kind, source, one);
        FeatureNetwork.Export(kind, source, other);

        Assert.Equal(File.ReadAllBytes(one), File.ReadAllBytes(other));
        using var network = FeatureNetwork.Load(one, CPU);
        Assert.Equal($"resnet50_imagenet (sha256 {network.Sha256}, preprocessing {kind.PreprocessingSha256[..16]})", network.Id);
        using var file = SafetensorsFile.Read(one);
        Assert.Equal(kind.Preprocessing, file.Metadata["voxelzoo.features.preprocessing"]);
    }

    [Fact]
    public void Preprocessings_of_the_networks_differ_and_so_do_their_hashes() =>
        Assert.Equal(FeatureNetworkKind.All.Count, FeatureNetworkKind.All.Select(kind => kind.PreprocessingSha256).Distinct().Count());

    [Fact]
    public void Weights_of_another_network_are_refused_and_nothing_is_written()
    {
        using var scope = NewDisposeScope();
        var (source, path) = (Path.Combine(_folder, "weights.safetensors"), Path.Combine(_folder, "features.safetensors"));
        SafetensorsFile.Write(source, [new("conv1.weight", zeros(64, 3, 7, 7)), new("fc.weight", zeros(9, 9))]);

        var refusal = Assert.Throws<InvalidDataException>(() => FeatureNetwork.Export(Kind("resnet50_imagenet"), source, path));

        Assert.Contains("weights.safetensors does not fit", refusal.Message);
        Assert.Contains("missing (bn1.bias, ", refusal.Message);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void Weights_that_make_nothing_of_a_slice_are_refused()
    {
        using var scope = NewDisposeScope();
        var (source, path) = (Path.Combine(_folder, "weights.safetensors"), Path.Combine(_folder, "features.safetensors"));
        SafetensorsFile.Write(source, Given(Kind("resnet50_imagenet")).ToDictionary(given => given.Key, given => zeros_like(given.Value)));

        var refusal = Assert.Throws<InvalidDataException>(() => FeatureNetwork.Export(Kind("resnet50_imagenet"), source, path));

        Assert.Contains("the network makes", refusal.Message);
        Assert.False(File.Exists(path));
    }

    [Fact]
    public void File_of_another_preprocessing_or_of_no_network_is_not_read()
    {
        using var scope = NewDisposeScope();
        Refused("does not say which network's features it holds", []);
        Refused("does not say which network's features it holds", new() { ["voxelzoo.features.network"] = "vgg16" });
        Refused("was exported for another preprocessing of biomedclip", new()
        {
            ["voxelzoo.features.network"] = "biomedclip",
            ["voxelzoo.features.preprocessing_sha256"] = Kind("resnet50_imagenet").PreprocessingSha256,
        });

        void Refused(string sentence, Dictionary<string, string> metadata)
        {
            var path = Path.Combine(_folder, "features.safetensors");
            SafetensorsFile.Write(path, new Dictionary<string, Tensor> { ["x"] = zeros(1) }, metadata);
            Assert.Contains(sentence, Assert.Throws<InvalidDataException>(() => FeatureNetwork.Load(path, CPU)).Message);
        }
    }

    private static FeatureNetworkKind Kind(string id) => FeatureNetworkKind.All.Single(kind => kind.Id == id);

    /// <summary>The user's file: the network's weights by a formula under its prefix, and what is not of the network.</summary>
    private static Dictionary<string, Tensor> Given(FeatureNetworkKind kind)
    {
        using var network = kind.Build(CPU);
        return Weights.Of(network).Select((own, i) => (Name: kind.Prefix + own.Key, Value: Weight(own.Key, own.Value.shape, i)))
            .Concat(Foreign(kind).Select(name => (Name: name, Value: zeros(3))))
            .ToDictionary(given => given.Name, given => given.Value);
    }

    private static string[] Foreign(FeatureNetworkKind kind) => kind.Id switch
    {
        "resnet50_imagenet" => ["fc.weight", "fc.bias", "bn1.num_batches_tracked"],
        "resnet50_radimagenet" => ["layer1.0.bn1.num_batches_tracked"],
        _ => ["logit_scale", "text.proj.weight"],
    };

    private static Tensor Weight(string name, long[] shape, int seed)
    {
        var u = Uniform(seed, shape);
        var isEmbedding = name.Contains("token") || (name.Contains("embed") && !name.EndsWith("proj.weight", StringComparison.Ordinal));
        if (shape.Length >= 2 && !isEmbedding)
            return u * S(Math.Sqrt(3.0 / shape[1..].Aggregate((a, b) => a * b)));
        if (name.EndsWith("var", StringComparison.Ordinal) || (shape.Length == 1 && name.EndsWith("weight", StringComparison.Ordinal)))
            return u * S(0.25) + S(1.0);
        return u * S(0.1);
    }

    /// <summary>Numbers from −1 to 1 that any language can make: a hash of the place, in 32 bits.</summary>
    private static Tensor Uniform(int seed, long[] shape)
    {
        var values = new float[shape.Aggregate((a, b) => a * b)];
        for (uint i = 0; i < values.Length; i++)
        {
            var h = unchecked(i * 2654435761u + ((uint)seed * 40503u + 1u));
            h = unchecked((h ^ (h >> 15)) * 2246822519u);
            h = unchecked((h ^ (h >> 13)) * 3266489917u);
            h ^= h >> 16;
            values[i] = (float)(h / 2147483648.0 - 1);
        }

        return tensor(values).view(shape);
    }

    private static double Difference(Tensor actual, Tensor expected)
    {
        Assert.Equal(expected.shape, actual.shape);
        return ((actual - expected).abs().max() / expected.abs().max()).item<float>();
    }
}
