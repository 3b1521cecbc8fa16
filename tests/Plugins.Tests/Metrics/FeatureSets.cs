using System.Text.Json;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.Metrics;

/// <summary>Feature metrics and sets of features whose distances are known.</summary>
internal static class FeatureSets
{
    public static Metric Fid(FidOptions? options = null) => ((IMetric<FidOptions>)new FidMetric()).Create(options ?? new(), Contexts.Cpu);

    public static Metric Kid(KidOptions? options = null) => ((IMetric<KidOptions>)new KidMetric()).Create(options ?? new(), Contexts.Cpu);

    public static Metric Cmmd(CmmdOptions? options = null) =>
        ((IMetric<CmmdOptions>)new CmmdMetric()).Create(options ?? new(), Contexts.Cpu);

    /// <summary><c>n</c> normal features <c>[n, d]</c>.</summary>
    public static Tensor Normal(long n, long d, double mean = 0, double deviation = 1) =>
        randn([n, d], ScalarType.Float64) * S(deviation) + S(mean);

    /// <summary>Features whose mean is exactly 0 and whose unbiased covariance is exactly 1.</summary>
    public static Tensor Whitened(long n, long d)
    {
        var centred = Normal(n, d);
        centred = centred - centred.mean([0]);
        return linalg.qr(centred).Q * S(Math.Sqrt(n - 1));
    }

    /// <summary>The same vector n times.</summary>
    public static Tensor Constant(long n, params double[] vector) => tensor(vector).unsqueeze(0).repeat(n, 1);

    public static (Tensor Real, Tensor Generated, JsonElement Expected) FromReference()
    {
        using var tensors = Reference.Tensors("metrics.io.safetensors");
        return (tensors["features_real"].clone(), tensors["features_generated"].clone(), Reference.Json("metrics.json"));
    }
}
