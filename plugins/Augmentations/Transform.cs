using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>
/// A linear map of volumes <c>[B, C, D, H, W]</c> that acts on every sample and channel alike, so that it commutes with adding noise and
/// with any target that is linear in data and noise.
/// </summary>
internal abstract record Transform
{
    internal const int Depth = 2;
    internal const int Height = 3;
    internal const int Width = 4;

    /// <summary>The transformed volume, a new tensor.</summary>
    public abstract Tensor Apply(Tensor x);

    /// <summary>
    /// The weights of voxels, <c>[B, 1, D, H, W]</c>, after the transform moved the voxels; what only sets some to 0 moves none.
    /// </summary>
    public virtual Tensor Move(Tensor weights) => Apply(weights);

    /// <summary>Writes into ω, which is 0 elsewhere, what was done; see <see cref="Omega"/>.</summary>
    public abstract void Describe(Span<float> omega);
}

/// <summary>Quarter turns in the H–W plane, from H towards W; needs H = W.</summary>
/// <param name="Times">1 to 3.</param>
internal sealed record Turn(int Times) : Transform
{
    public override Tensor Apply(Tensor x) => x.rot90(Times, (Height, Width)).contiguous();

    public override void Describe(Span<float> omega)
    {
        omega[Omega.SpatialActive] = 1;
        omega[Omega.TurnAroundDepth] = 1;
        omega[Omega.Turns] = Times / 3f;
    }
}

/// <summary>A mirror image along one axis.</summary>
/// <param name="Axis">2 to 4: D, H or W.</param>
internal sealed record Mirror(int Axis) : Transform
{
    public override Tensor Apply(Tensor x) => x.flip(Axis);

    public override void Describe(Span<float> omega)
    {
        omega[Omega.SpatialActive] = 1;
        omega[Omega.MirrorDepth + Axis - Depth] = 1;
    }
}
