using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.DDPM;
using VoxelZoo.Plugins.RFlow;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Tests.DDPM;

/// <summary>Processes, and networks that answer exactly.</summary>
internal static class Processes
{
    private static readonly DiffusionShape Any = new(new VolumeShape(1, 4, 4, 4), new VolumeShape(1, 4, 4, 4), 0);

    public static NoiseProcess Ddpm(DdpmOptions? options = null) =>
        ((INoiseStrategy<DdpmOptions>)new DdpmStrategy()).Create(options ?? new DdpmOptions(), Any, Contexts.Cpu);

    public static NoiseProcess Flow(RFlowOptions? options = null) =>
        ((INoiseStrategy<RFlowOptions>)new RFlowStrategy()).Create(options ?? new RFlowOptions(), Any, Contexts.Cpu);

    /// <summary>
    /// The exact network for data of independent Gaussian voxels: E[x0 | x] in whatever the process has its network predict.
    /// </summary>
    /// <param name="process">The process.</param>
    /// <param name="mean">Means of the voxels, 0-dimensional or of the sample's shape.</param>
    /// <param name="deviation">Standard deviation of the voxels; 0 for a data set of one point.</param>
    public static Predictor Exact(NoiseProcess process, Tensor mean, double deviation) => (x, t) =>
    {
        var (alpha, sigma) = (process.Alpha(t), process.Sigma(t));
        var (data, noise) = (Math.Pow(alpha * deviation, 2), Math.Pow(sigma, 2));
        var centred = x - mean * S(alpha);
        var clean = mean + centred * S(alpha * deviation * deviation / (data + noise));
        var estimate = (x - clean * S(alpha)) / S(sigma);
        return process.Target(clean, estimate, full(x.shape[0], S(t), ScalarType.Float32, x.device));
    };
}
