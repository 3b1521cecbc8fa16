using System.Security.Cryptography;
using TorchSharp;
using VoxelZoo.Tensors.Native;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors.Features;

/// <summary>
/// A public network that makes features of slices, with the preprocessing that belongs to it. Its file is safetensors, made by
/// <see cref="Export"/> of weights that the user has; its metadata name the network and hold the hash of the preprocessing.
/// </summary>
public sealed class FeatureNetwork : IDisposable
{
    /// <summary>How a file of features ends, which holds no code and may be loaded by whoever gets it.</summary>
    public const string Extension = ".safetensors";

    private const string NetworkKey = "voxelzoo.features.network", PreprocessingKey = "voxelzoo.features.preprocessing";
    private const string PreprocessingHashKey = "voxelzoo.features.preprocessing_sha256", SourceKey = "voxelzoo.features.source_sha256";
    private const int SmallestSide = 32; // five halvings

    private readonly nn.Module<Tensor, Tensor> _network;
    private readonly Device _device;

    private FeatureNetwork(FeatureNetworkKind kind, nn.Module<Tensor, Tensor> network, string sha256, string source, Device device)
    {
        (Kind, _network, Sha256, SourceSha256, _device) = (kind, network, sha256, source, device);
        network.eval();
        foreach (var parameter in network.parameters())
            parameter.requires_grad_(false);
    }

    /// <summary>Which network.</summary>
    public FeatureNetworkKind Kind { get; }

    /// <summary>SHA-256 of its file; files that are exported of the same weights are the same.</summary>
    public string Sha256 { get; }

    /// <summary>SHA-256 of the file that the weights were exported of.</summary>
    public string SourceSha256 { get; }

    /// <summary>Names the features so exactly that they can be made again: network, hash of its file, hash of its preprocessing.</summary>
    public string Id => $"{Kind.Id} (sha256 {Sha256}, preprocessing {Kind.PreprocessingSha256[..16]})";

    /// <summary>Whether a path names such a file, by how it ends.</summary>
    public static bool IsOne(string path) => path.EndsWith(Extension, StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads a file that <see cref="Export"/> made.</summary>
    /// <exception cref="InvalidDataException">It is none, or was made for another preprocessing; one sentence with what to do.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static FeatureNetwork Load(string path, Device device)
    {
        using var file = SafetensorsFile.Read(path);
        var id = file.Metadata.GetValueOrDefault(NetworkKey);
        if (FeatureNetworkKind.All.FirstOrDefault(kind => kind.Id == id) is not { } kind)
            throw new InvalidDataException(
                $"{path} does not say which network's features it holds (one of {Names()}); make it of the weights with `features export`");
        if (file.Metadata.GetValueOrDefault(PreprocessingHashKey) != kind.PreprocessingSha256)
            throw new InvalidDataException(
                $"{path} was exported for another preprocessing of {id} than this program has, so its numbers would be others; "
                + "export it again with `features export`");
        var network = kind.Build(device);
        try
        {
            Weights.Load(network, file, path);
            return new FeatureNetwork(kind, network, Hash(path), file.Metadata.GetValueOrDefault(SourceKey, ""), device);
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Writes a network's file of weights that the user has: checked against its layers, tried on a slice, without what is not of it.
    /// </summary>
    /// <param name="kind">Which network.</param>
    /// <param name="weights">Safetensors, or a state dict of PyTorch, with the names that the network's public implementation has.</param>
    /// <param name="path">Where to; replaced where it exists.</param>
    /// <returns>Names of the file's tensors that are not of the network.</returns>
    /// <exception cref="InvalidDataException">These are no weights of such a network; one sentence that says what differs.</exception>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    public static IReadOnlyList<string> Export(FeatureNetworkKind kind, string weights, string path)
    {
        using var file = IsOne(weights) ? SafetensorsFile.Read(weights) : StateDictFile.Read(weights);
        var own = file.Where(tensor => !kind.IsForeign(tensor.Key))
            .ToDictionary(tensor => tensor.Key[kind.Prefix.Length..], tensor => tensor.Value);
        using var network = kind.Build(CPU);
        Weights.Load(network, own, weights);
        using var tried = new FeatureNetwork(kind, network, "", "", CPU);
        tried.RequireSense(weights);
        var metadata = new Dictionary<string, string>
        {
            [NetworkKey] = kind.Id,
            [PreprocessingKey] = kind.Preprocessing,
            [PreprocessingHashKey] = kind.PreprocessingSha256,
            [SourceKey] = Hash(weights),
        };
        SafetensorsFile.Write(path, Weights.Of(network), metadata);
        return [.. file.Keys.Where(kind.IsForeign)];
    }

    /// <summary>Feature vectors <c>[n, d]</c> of slices <c>[n, 3, H, W]</c> in [0, 1], in the current dispose scope.</summary>
    public Tensor Rows(Tensor slices)
    {
        using var scope = NewDisposeScope();
        var resized = nn.functional.interpolate(
            slices.to(ScalarType.Float32, _device).clamp(S(0.0), S(1.0)), [FeatureNetworkKind.Size, FeatureNetworkKind.Size],
            mode: InterpolationMode.Bilinear, align_corners: false);
        var features = _network.call(Normalised(resized));
        return (Kind.HasMaps ? features.mean([2, 3]) : features).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Maps of features <c>[n, c, h, w]</c> of slices <c>[n, 3, H, W]</c> at their own size, intensities beyond [0, 1] as they are; in the
    /// current dispose scope, and with a gradient for the slices where they have one.
    /// </summary>
    /// <exception cref="ArgumentException">The network has none, or the slices are too small.</exception>
    public Tensor Maps(Tensor slices)
    {
        if (!Kind.HasMaps)
            throw new ArgumentException(
                $"{Kind.Id} makes one vector of a slice and no maps of features; "
                + $"use {string.Join(" or ", FeatureNetworkKind.All.Where(kind => kind.HasMaps).Select(kind => kind.Id))}");
        if (Math.Min(slices.shape[2], slices.shape[3]) < SmallestSide)
            throw new ArgumentException(
                $"slices of {slices.shape[2]}×{slices.shape[3]} are halved five times; they need {SmallestSide} pixels a side");
        using var scope = NewDisposeScope();
        return _network.call(Normalised(slices.to(ScalarType.Float32, _device))).MoveToOuterDisposeScope();
    }

    /// <summary>Frees the weights.</summary>
    public void Dispose() => _network.Dispose();

    private Tensor Normalised(Tensor slices) => (slices - Column(Kind.Mean)) / Column(Kind.Deviation);

    private Tensor Column(IReadOnlyList<double> values) =>
        tensor([.. values.Select(value => (float)value)], device: _device).view(1, -1, 1, 1);

    /// <summary>Refuses weights that make nothing, or nothing finite, of a slice.</summary>
    private void RequireSense(string source)
    {
        using var scope = NewDisposeScope();
        using var _ = no_grad();
        var ramp = linspace(0, 1, 64 * 64).view(1, 1, 64, 64).expand(1, 3, -1, -1);
        var rows = Rows(cat([ramp, ramp.flip(3)], 0));
        if (!rows.isfinite().all().item<bool>())
            throw new InvalidDataException($"{source}: the network makes values that are not finite of a slice; the weights are damaged");
        if (rows[0].eq(rows[1]).all().item<bool>())
            throw new InvalidDataException(
                $"{source}: the network makes the same features of different slices; the weights are not those of {Kind.Id}");
    }

    private static string Hash(string path)
    {
        using var file = RegularFile.OpenRead(path);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    private static string Names() => string.Join(", ", FeatureNetworkKind.All.Select(kind => kind.Id));
}
