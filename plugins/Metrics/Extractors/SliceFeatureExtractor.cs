using VoxelZoo.Abstractions;
using VoxelZoo.Tensors.Features;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics.Extractors;

/// <summary>A public network with its preprocessing, of a file that <c>features export</c> made: one feature vector a slice.</summary>
internal sealed class SliceFeatureExtractor : FeatureExtractor
{
    // slices that the network sees at once, as in the original; the values do not depend on it
    private const int Chunk = 64;

    private readonly FeatureNetwork? _network;

    private SliceFeatureExtractor(FeatureNetwork? network, string id, Device device)
        : base(device) => (_network, Id) = (network, id);

    public override string Id { get; }

    /// <summary>Loads the network, or on the device <c>meta</c> just takes its name.</summary>
    /// <exception cref="PlanException">There is no such file, or it is not one of features.</exception>
    public static SliceFeatureExtractor Load(string path, Device device)
    {
        if (device.type == TorchSharp.DeviceType.META)
            return new(null, Path.GetFileName(path), device);
        var network = SliceNetwork.Open(path, "extractor", device);
        return new(network, network.Id, device);
    }

    /// <summary>Any volume has slices, and they are brought to one size.</summary>
    public override void Check(VolumeShape volume)
    {
    }

    protected override Tensor Extract(Tensor volume)
    {
        var rows = SliceNetwork.Slices(volume).split(Chunk).Select(slices => _network!.Rows(slices)).ToArray();
        return cat(rows, 0);
    }
}
