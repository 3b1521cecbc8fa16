using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Tensors.Features;
using VoxelZoo.Tensors.Native;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Distance of features instead of voxels: each position's features are normalised over the channels, as LPIPS does (arXiv:1801.03924), and
/// their squared distance is averaged over the positions. The network sees axial slices, the one grey channel three times.
/// </summary>
public sealed class PerceptualLoss : IDisposable
{
    private const string Key = "perceptual.network";
    private readonly IDisposable _loaded;
    private readonly Func<Tensor, object> _network;
    private readonly double _fraction;

    /// <summary>Loads the network and tries it.</summary>
    /// <param name="options">With a network.</param>
    /// <param name="slice">Size of the slices that it will see.</param>
    /// <param name="device">Where to.</param>
    /// <exception cref="PlanException">The file is not TorchScript, or its network does not take such slices.</exception>
    internal PerceptualLoss(PerceptualOptions options, (int Height, int Width) slice, Device device)
    {
        _fraction = options.SliceFraction;
        (_loaded, _network) = Load(options.Network!, device);
        try
        {
            using var scope = NewDisposeScope();
            using var _ = no_grad();
            if (Features(zeros(1, 3, slice.Height, slice.Width, device: device)).FirstOrDefault(f => f.dim() != 4) is { } odd)
                throw new PlanException(
                    $"{options.Network} returns features [{string.Join(", ", odd.shape)}] of a slice; expected are [n, c, h, w]",
                    Key).In("training");
        }
        catch (Exception e) when (e is ExternalException or ArgumentException or InvalidDataException)
        {
            _loaded.Dispose();
            throw new PlanException(
                $"{options.Network} cannot take a slice [1, 3, {slice.Height}, {slice.Width}]: {FirstLine(e)}",
                Key).In("training");
        }
        catch
        {
            _loaded.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Loads a network on the CPU and shows it a slice. A file whose code libtorch cannot compile ends the process, so a host that cannot
    /// afford that calls this in another process first.
    /// </summary>
    /// <exception cref="PlanException">The file is not TorchScript, or its network does not take such slices.</exception>
    public static void Try(string network, int height, int width) =>
        new PerceptualLoss(new PerceptualOptions { Network = network }, (height, width), CPU).Dispose();

    /// <summary>Loads a network on the CPU and no more; what it says of files whose code cannot be compiled holds here too.</summary>
    /// <exception cref="PlanException">The file is not TorchScript.</exception>
    public static void Try(string network) => Load(network, CPU).Loaded.Dispose();

    /// <summary>Refuses a file that is not there.</summary>
    /// <exception cref="PlanException">It is not; the message names the nearest.</exception>
    public static void Require(string network)
    {
        if (File.Exists(network))
            return;
        var remedy = NearPaths.Suggestion(network, File.Exists) is { Length: > 0 } near ? near : "; name a TorchScript file of a "
            + "network that takes slices [n, 3, H, W]";
        throw new PlanException($"there is no file {network}{remedy}", Key).In("training");
    }

    /// <summary>The loss, 0-dimensional float32; its gradient goes to the reconstruction.</summary>
    /// <param name="reconstruction">Float32 <c>[B, 1, D, H, W]</c>.</param>
    /// <param name="volume">Likewise.</param>
    /// <param name="random">Draws the slices.</param>
    internal Tensor Of(Tensor reconstruction, Tensor volume, Generator random)
    {
        using var scope = NewDisposeScope();
        var (made, real) = (Slices(reconstruction), Slices(volume));
        var count = Math.Max(1, (int)(made.shape[0] * _fraction));
        var chosen = randperm(made.shape[0], generator: random)[..count].to(made.device);
        var distances = Features(Rgb(made.index_select(0, chosen)))
            .Zip(Features(Rgb(real.index_select(0, chosen))), (a, b) => (Normalised(a) - Normalised(b)).square().sum(1).mean());
        return distances.Aggregate((sum, distance) => sum + distance).MoveToOuterDisposeScope();
    }

    /// <summary>Axial slices <c>[B·D, 1, H, W]</c>.</summary>
    private static Tensor Slices(Tensor volume) => volume.transpose(1, 2).flatten(0, 1);

    private static Tensor Rgb(Tensor slices) => slices.expand(-1, 3, -1, -1);

    private static Tensor Normalised(Tensor features) => features / (features.square().sum(1, keepdim: true).sqrt() + S(1e-10));

    private IReadOnlyList<Tensor> Features(Tensor slices) => _network(slices) switch
    {
        Tensor one => [one],
        IEnumerable<Tensor> several when several.Any() => [.. several],
        object?[] several when several.Length > 0 && several.All(f => f is Tensor) => [.. several.Cast<Tensor>()],
        var other => throw new InvalidDataException(
            $"it returns {other?.GetType().Name ?? "nothing"}, expected features [n, c, h, w] or several of them"),
    };

    private static (IDisposable Loaded, Func<Tensor, object> Network) Load(string path, Device device)
    {
        if (RegularFile.WhyNot(path) is { } why)
            throw new PlanException($"{path}: {why.TrimEnd('.')}", Key).In("training");
        if (!File.Exists(path))
            throw new PlanException($"there is no file {path}{NearPaths.Suggestion(path, File.Exists)}", Key).In("training");
        try
        {
            if (FeatureNetwork.IsOne(path) && FeatureNetwork.Load(path, device) is var features)
                return (features, features.Maps);
            var network = jit.load(path, device.type, device.index);
            network.eval();
            foreach (var parameter in network.parameters())
                parameter.requires_grad = false;
            return (network, slices => network.call(slices));
        }
        catch (InvalidDataException e)
        {
            throw new PlanException(e.Message, Key).In("training");
        }
        catch (Exception e) when (e is ExternalException or ArgumentException or IOException or UnauthorizedAccessException)
        {
            throw new PlanException(
                $"{path} is not a TorchScript file: {FirstLine(e)}; save the network with torch.jit.save", Key).In("training");
        }
    }

    private static string FirstLine(Exception e) => e.Message.Split('\n')[0].Trim().TrimEnd('.', ':');

    /// <summary>Frees the network.</summary>
    public void Dispose() => _loaded.Dispose();
}
