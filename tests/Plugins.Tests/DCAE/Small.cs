using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DCAE;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Tests.DCAE;

/// <summary>Instances of a few thousand weights, and what their layers say.</summary>
internal static class Small
{
    public static readonly ICompressor<DCAEOptions> Part = new DCAECompressor();

    /// <summary>tests/Reference/dcae3d-tiny.json.</summary>
    public static readonly DCAEOptions Volumes = new()
    {
        LatentChannels = 8,
        EncoderBlockOutChannels = [8, 16, 32],
        DecoderBlockOutChannels = [8, 16, 32],
        EncoderLayersPerBlock = [1, 1, 1],
        DecoderLayersPerBlock = [1, 1, 1],
        DepthFactors = [2, 1],
    };

    public static readonly DCAEOptions Slices = Volumes with { Dimensions = 2, DepthFactors = null };

    /// <summary>A new instance whose every weight, those of norms too, is random.</summary>
    public static Compressor Create(DCAEOptions options)
    {
        manual_seed(1);
        var compressor = Part.Create(options, Contexts.Cpu);
        using var scope = NewDisposeScope();
        using var gradient = no_grad();
        foreach (var parameter in compressor.parameters())
            parameter.add_(randn_like(parameter) * Scalars.S(0.1));
        return compressor;
    }

    public static nn.Module<Tensor, Tensor> Layer(this Compressor compressor, string name) =>
        (nn.Module<Tensor, Tensor>)compressor.named_modules().Single(entry => entry.name == name).module;

    /// <summary>Sets every weight that <paramref name="which"/> names to one value.</summary>
    public static void Fill(this Compressor compressor, double value, Func<string, bool> which)
    {
        using var gradient = no_grad();
        foreach (var (_, parameter) in compressor.named_parameters().Where(entry => which(entry.name)))
            parameter.fill_(Scalars.S(value));
    }

    public static bool Convolutional(string name) => name.Contains("conv");

    /// <summary>Counts how often a layer is called.</summary>
    public static Func<int> CountCalls(this Compressor compressor, string layer)
    {
        var calls = 0;
        compressor.Layer(layer).register_forward_hook((_, _, output) =>
        {
            calls++;
            return output;
        });
        return () => calls;
    }

    /// <summary>Whether two tensors agree up to the order of sums.</summary>
    public static void AssertEqual(Tensor expected, Tensor actual) => Assert.InRange(Reference.Difference(actual, expected), 0, 1e-5);
}
