using VoxelZoo.Abstractions;
using VoxelZoo.Tensors.Features;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics.Extractors;

/// <summary>Makes feature vectors of volumes, always the same ones of the same volume.</summary>
internal abstract class FeatureExtractor(Device device)
{
    /// <summary>Names the extractor in results so exactly that the number can be repeated.</summary>
    public abstract string Id { get; }

    /// <summary>The extractor that an option names; none for null.</summary>
    /// <exception cref="PlanException">There is no such extractor.</exception>
    public static FeatureExtractor? Create(string? name, PartContext context) => name switch
    {
        null => null,
        WaveletScattering.Name => new WaveletScattering(context.Device),
        _ when FeatureNetwork.IsOne(name) => SliceFeatureExtractor.Load(name, context.Device),
        _ => TorchScriptExtractor.Load(name, context.Device),
    };

    /// <summary>The file of the network that an option names; none where it names what is built in, or nothing.</summary>
    public static IReadOnlyList<string> Networks(string? name) => name is null or WaveletScattering.Name ? [] : [name];

    /// <summary>Refuses volumes of which the extractor cannot make features.</summary>
    /// <exception cref="ArgumentException">The message says why.</exception>
    public abstract void Check(VolumeShape volume);

    /// <summary>Features <c>[rows, d]</c> of volumes <c>[N, C, D, H, W]</c>, one volume at a time; moved to the caller's scope.</summary>
    /// <exception cref="ArgumentException">The extractor cannot take these volumes; the message says why.</exception>
    public Tensor Rows(Tensor volumes)
    {
        using var scope = NewDisposeScope();
        var rows = new List<Tensor>();
        foreach (var volume in volumes.split(1))
        {
            using var inner = NewDisposeScope();
            rows.Add(Extract(volume.to(ScalarType.Float32, device)).MoveToOuterDisposeScope());
        }

        return cat([.. rows], 0).MoveToOuterDisposeScope();
    }

    /// <summary>Features <c>[rows, d]</c> of a volume <c>[1, C, D, H, W]</c>, float32; called in a dispose scope.</summary>
    protected abstract Tensor Extract(Tensor volume);
}
