using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors.Features;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Metrics.Extractors;

/// <summary>
/// A 2-D network that makes maps of features of slices: one that <c>features export</c> wrote, or a TorchScript file, known by its name and
/// SHA-256.
/// </summary>
internal sealed class SliceNetwork
{
    private readonly Func<Tensor, object>? _network;
    private readonly Device _device;
    private (int Height, int Width) _fits; // slices that it was shown

    private SliceNetwork(Func<Tensor, object>? network, string id, Device device) => (_network, Id, _device) = (network, id, device);

    public string Id { get; }

    /// <summary>Loads the network, or on the device <c>meta</c> just takes its name.</summary>
    /// <exception cref="PlanException">There is no such file, or it is neither.</exception>
    public static SliceNetwork Load(string path, Device device)
    {
        if (device.type == DeviceType.META)
            return new(null, Path.GetFileName(path), device);
        if (FeatureNetwork.IsOne(path))
        {
            var features = Open(path, "network", device);
            return new(features.Maps, features.Id, device);
        }

        if (!File.Exists(path))
            throw new PlanException($"there is no network `{path}`; name a TorchScript file that takes slices [n, 3, H, W]", "network");
        try
        {
            using var file = File.OpenRead(path);
            var hash = Convert.ToHexStringLower(SHA256.HashData(file));
            var network = jit.load(path, device.type, device.index);
            network.eval();
            return new(slices => network.call(slices), $"{Path.GetFileName(path)} (sha256 {hash})", device);
        }
        catch (Exception e) when (e is ExternalException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new PlanException($"the network `{path}` cannot be loaded as TorchScript: {FirstLine(e)}", "network");
        }
    }

    /// <summary>The network of a file that <c>features export</c> wrote.</summary>
    /// <param name="path">The file.</param>
    /// <param name="key">The option that names it.</param>
    /// <param name="device">Where to.</param>
    /// <exception cref="PlanException">There is no such file, or it is not one of features.</exception>
    public static FeatureNetwork Open(string path, string key, Device device)
    {
        if (!File.Exists(path))
            throw new PlanException($"there is no file `{path}`; make it of a network's weights with `features export`", key);
        try
        {
            return FeatureNetwork.Load(path, device);
        }
        catch (Exception e) when (e is InvalidDataException or IOException or UnauthorizedAccessException)
        {
            throw new PlanException(e.Message, key);
        }
    }

    /// <summary>Axial slices of a volume <c>[1, C, D, H, W]</c>, clamped and the grey value three times: <c>[C·D, 3, H, W]</c>.</summary>
    public static Tensor Slices(Tensor volume) => volume.clamp(S(0.0), S(1.0)).flatten(0, 2).unsqueeze(1).expand(-1, 3, -1, -1);

    /// <summary>
    /// Squared distance of features <c>[n, c, h, w]</c> that are normalised over the channels, averaged over places and summed over the n
    /// slices.
    /// </summary>
    public static double Distance(Tensor a, Tensor b) => (Normalised(a) - Normalised(b)).square().sum(1L).mean([1, 2]).sum().ToDouble();

    /// <summary>Shows the network a slice of zeros.</summary>
    /// <exception cref="ArgumentException">It cannot take such slices.</exception>
    public void Check(VolumeShape volume)
    {
        if (_network is null || _fits == (volume.Height, volume.Width))
            return;
        using var gradient = no_grad();
        using var scope = NewDisposeScope();
        Features(zeros(1, 3, volume.Height, volume.Width));
        _fits = (volume.Height, volume.Width);
    }

    /// <summary>Maps of features <c>[n, c, h, w]</c> of slices <c>[n, 3, H, W]</c>, one for each layer that the network returns.</summary>
    /// <exception cref="ArgumentException">It cannot take such slices, or returns something else.</exception>
    public IReadOnlyList<Tensor> Features(Tensor slices)
    {
        try
        {
            IReadOnlyList<Tensor>? maps = _network!(slices.to(_device)) switch
            {
                Tensor one => [one],
                IEnumerable<Tensor> several => [.. several],
                object?[] several => OnlyTensors(several),
                ITuple several => OnlyTensors(Enumerable.Range(0, several.Length).Select(i => several[i])),
                _ => null,
            };
            return maps is { Count: > 0 } && maps.All(map => map.dim() == 4 && map.shape[0] == slices.shape[0])
                ? maps
                : throw new ArgumentException(
                    $"the network {Id} makes "
                    + $"{string.Join(", ", maps?.Select(map => $"[{string.Join(", ", map.shape)}]") ?? ["no tensors"])} of slices "
                    + $"[{string.Join(", ", slices.shape)}], expected features [n, c, h, w]");
        }
        catch (ExternalException e)
        {
            throw new ArgumentException($"the network {Id} cannot take slices [{string.Join(", ", slices.shape)}]: {FirstLine(e)}", e);
        }
    }

    private static IReadOnlyList<Tensor>? OnlyTensors(IEnumerable<object?> maps) =>
        maps.All(map => map is Tensor) ? [.. maps.Cast<Tensor>()] : null;

    private static Tensor Normalised(Tensor features) => features / (features.square().sum(1L, keepdim: true).sqrt() + S(1e-10));

    private static string FirstLine(Exception e) => e.Message.Split('\n')[0].TrimEnd('.', '\r');
}
