using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics.Extractors;

/// <summary>A network in a TorchScript file, which holds its own preprocessing; known by its file's name and SHA-256.</summary>
internal sealed class TorchScriptExtractor : FeatureExtractor
{
    private readonly jit.ScriptModule<Tensor, Tensor> _network;

    private TorchScriptExtractor(jit.ScriptModule<Tensor, Tensor> network, string id, Device device)
        : base(device) => (_network, Id) = (network, id);

    public override string Id { get; }

    public static TorchScriptExtractor Load(string path, Device device)
    {
        if (!File.Exists(path))
            throw new PlanException(
                $"there is no extractor `{path}`: it is neither `{WaveletScattering.Name}` nor a TorchScript file", "extractor");
        try
        {
            using var file = File.OpenRead(path);
            var hash = Convert.ToHexStringLower(SHA256.HashData(file));
            var network = jit.load<Tensor, Tensor>(path, device);
            network.eval();
            return new(network, $"{Path.GetFileName(path)} (sha256 {hash})", device);
        }
        catch (Exception e) when (e is ExternalException or IOException or UnauthorizedAccessException)
        {
            throw new PlanException($"the extractor `{path}` cannot be loaded as TorchScript: {FirstLine(e)}", "extractor");
        }
    }

    protected override Tensor Extract(Tensor volume)
    {
        Tensor features;
        try
        {
            features = _network.call(volume);
        }
        catch (ExternalException e)
        {
            throw new ArgumentException($"the extractor {Id} cannot take volumes of [{string.Join(", ", volume.shape)}]: {FirstLine(e)}", e);
        }

        return features.dim() == 2
            ? features
            : throw new ArgumentException(
                $"the extractor {Id} makes [{string.Join(", ", features.shape)}] of a volume of [{string.Join(", ", volume.shape)}], expected features [rows, d]");
    }

    private static string FirstLine(Exception e) => e.Message.Split('\n')[0].TrimEnd('.', '\r');
}
