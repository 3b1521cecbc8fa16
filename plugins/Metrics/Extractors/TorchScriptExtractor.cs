using System.Runtime.InteropServices;
using System.Security.Cryptography;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics.Extractors;

/// <summary>A network in a TorchScript file, which holds its own preprocessing; known by its file's name and SHA-256.</summary>
internal sealed class TorchScriptExtractor : FeatureExtractor
{
    private readonly jit.ScriptModule<Tensor, Tensor>? _network;
    private readonly Device _device;

    private TorchScriptExtractor(jit.ScriptModule<Tensor, Tensor>? network, string id, Device device)
        : base(device) => (_network, Id, _device) = (network, id, device);

    public override string Id { get; }

    /// <summary>Loads the network, or on the device <c>meta</c> just takes its name.</summary>
    public static TorchScriptExtractor Load(string path, Device device)
    {
        if (device.type == TorchSharp.DeviceType.META)
            return new(null, Path.GetFileName(path), device);
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

    /// <summary>Shows the network a volume of zeros.</summary>
    public override void Check(VolumeShape volume)
    {
        if (_network is null)
            return;
        using var gradient = no_grad();
        using var scope = NewDisposeScope();
        Extract(zeros(volume.Batch(1), device: _device));
    }

    protected override Tensor Extract(Tensor volume)
    {
        Tensor features;
        try
        {
            features = _network!.call(volume);
        }
        catch (ExternalException e)
        {
            throw new ArgumentException(
                $"the extractor {Id} cannot take volumes of [{string.Join(", ", volume.shape)}]: {FirstLine(e)}", e);
        }

        return features.dim() == 2
            ? features
            : throw new ArgumentException(
                $"the extractor {Id} makes [{string.Join(", ", features.shape)}] of a volume of "
                + $"[{string.Join(", ", volume.shape)}], expected features [rows, d]");
    }

    private static string FirstLine(Exception e) => e.Message.Split('\n')[0].TrimEnd('.', '\r');
}
