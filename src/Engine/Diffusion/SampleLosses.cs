using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>A plan's loss of each sample. Training and validation measure by it, so that they cannot differ.</summary>
public sealed class SampleLosses
{
    private const double HuberWidth = 0.00054;

    private readonly ExperimentPlan _plan;
    private readonly NoiseProcess _process;
    private readonly Device _device;
    private readonly Func<Tensor, Tensor> _moved;

    /// <summary>Measures by a plan.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="process">Its noise process.</param>
    /// <param name="device">Where predictions are.</param>
    /// <param name="moved">Moves the voxels of weights to where the latent has them.</param>
    internal SampleLosses(ExperimentPlan plan, NoiseProcess process, Device device, Func<Tensor, Tensor> moved) =>
        (_plan, _process, _device, _moved) = (plan, process, device, moved);

    /// <summary>
    /// The plan's loss of each sample <c>[B]</c>, by default the mean squared error, in float32, without the slices
    /// that only pad the volume.
    /// </summary>
    /// <param name="prediction">What the network returned.</param>
    /// <param name="target">What it should have returned.</param>
    /// <param name="realSlices">
    /// Slices of each volume that are not padding; slices that are padding in any of them are left out of all.
    /// </param>
    public Tensor Of(Tensor prediction, Tensor target, IReadOnlyList<int> realSlices) =>
        Reduced(Errors((prediction.to(ScalarType.Float32) - target).narrow(2, 0, Real(realSlices))).mean([1, 2, 3, 4]));

    /// <summary>
    /// The same with a weight for each voxel, which is 0 wherever a volume is padding; the mean is over as many voxels as are not.
    /// </summary>
    /// <param name="prediction">What the network returned.</param>
    /// <param name="target">What it should have returned.</param>
    /// <param name="realSlices">Slices of each volume that are not padding, wherever they lie.</param>
    /// <param name="weights"><c>[B, 1 or c, d, h, w]</c>, from <see cref="Unpadded"/>, moved as the voxels were.</param>
    public Tensor Weighted(Tensor prediction, Tensor target, IReadOnlyList<int> realSlices, Tensor weights)
    {
        var share = (double)Real(realSlices) / target.shape[2];
        return Reduced((Errors(prediction.to(ScalarType.Float32) - target) * weights).mean([1, 2, 3, 4]) / Scalars.S(share));
    }

    /// <summary>What the loss of each sample weighs, <c>[B]</c>, by its timestep; null where all weigh 1.</summary>
    public Tensor? Weight(Tensor timesteps)
    {
        var weight = _plan.Strategy.Run(() => _process.LossWeight(timesteps));
        if (_plan.Training.Loss != DenoiserLoss.LpipsHuber)
            return weight;
        var clean = torch.ones_like(timesteps) - timesteps / Scalars.S(NoiseProcess.Horizon);
        return weight is null ? clean : weight * clean;
    }

    /// <summary>What of each voxel's difference is averaged.</summary>
    private Tensor Errors(Tensor difference) => _plan.Training.Loss == DenoiserLoss.L1 ? difference.abs() : difference.square();

    /// <summary>What is made of a sample's average.</summary>
    private Tensor Reduced(Tensor means) => _plan.Training.Loss is DenoiserLoss.Huber or DenoiserLoss.LpipsHuber
        ? (means + Scalars.S(HuberWidth * HuberWidth)).sqrt() - Scalars.S(HuberWidth)
        : means;

    /// <summary>
    /// Weights of voxels <c>[B, 1, D, H, W]</c> as those of the latent <c>[B, c, d, h, w]</c>, or <c>[B, 1, d, h, w]</c> of 1 where none
    /// are given, and 0 in the slices that only pad the volume.
    /// </summary>
    public Tensor Unpadded(Tensor? weights, IReadOnlyList<int> realSlices)
    {
        using var scope = torch.NewDisposeScope();
        var grid = _plan.Shape.Latent with { Channels = 1 };
        var slices = torch.arange(Scalars.S((long)grid.Depth), device: _device)
            .lt(Scalars.S(Real(realSlices))).to(ScalarType.Float32).view(1, 1, -1, 1, 1);
        var all = weights is null ? slices.expand(grid.Batch(realSlices.Count)).contiguous() : _moved(weights) * slices;
        return all.MoveToOuterDisposeScope();
    }

    /// <summary>Slices of a latent that hold any real slice.</summary>
    internal long Real(IReadOnlyList<int> realSlices)
    {
        var (volume, depth) = (_plan.Shape.Volume.Depth, _plan.Shape.Latent.Depth);
        return ((long)realSlices.Min() * depth + volume - 1) / volume;
    }
}
