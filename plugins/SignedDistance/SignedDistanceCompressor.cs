using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.SignedDistance;

/// <summary>
/// A mask as the distance of each voxel's centre to the mask's border, positive inside: <c>½ + distance / (2·reach)</c>, kept
/// within 0 and 1. The border lies half a voxel from the centres on either side of it, so a mask comes back as it was. What is far
/// from every tumour stays 0, and a tumour of one voxel is a ball as wide as the reach: its squares add up to six voxels' instead of one.
/// Distances are Euclidean, in voxels, exact up to the reach; beyond the volume nothing is known, so its edge is no border.
/// Afterwards blocks of voxels become channels, as <c>space_to_depth</c> does it. Voxels above ½ are inside.
/// </summary>
[Compressor("signed_distance", Summary = "For masks: distances to their borders; blocks of voxels become channels.")]
public sealed class SignedDistanceCompressor : ICompressor<SignedDistanceOptions>
{
    /// <inheritdoc/>
    public bool IsLearned => false;

    /// <inheritdoc/>
    public bool TakesOnlyMasks => true;

    /// <summary>Values between 0 and 1 are lost; masks are not.</summary>
    public bool IsLossy(SignedDistanceOptions options) => true;

    /// <inheritdoc/>
    public VolumeShape LatentShape(SignedDistanceOptions options, VolumeShape volume) =>
        Fitting.BlocksAsChannels(volume, options.Factor, "factor");

    /// <inheritdoc/>
    public Compressor Create(SignedDistanceOptions options, PartContext context) => new SignedDistance(options);

    private sealed class SignedDistance(SignedDistanceOptions options) : Compressor(nameof(SignedDistance))
    {
        private const double Border = 0.5; // of a mask's values, and in voxels from the centres on either side of it

        public override Tensor Encode(Tensor volume)
        {
            using var scope = NewDisposeScope();
            using var exact = Autocast.Suspend(volume.device);
            var inside = volume.gt(S(Border));
            var distance = where(inside, DistanceTo(inside.logical_not()) - S(Border), S(Border) - DistanceTo(inside));
            var closeness = distance.mul_(S(1 / (2 * options.Reach))).add_(S(0.5)).clamp_(S(0.0), S(1.0));
            return VoxelBlocks.ToChannels(closeness.to(volume.dtype), options.Factor).MoveToOuterDisposeScope();
        }

        public override Tensor Decode(Tensor latent)
        {
            using var scope = NewDisposeScope();
            using var exact = Autocast.Suspend(latent.device);
            return (VoxelBlocks.ToVoxels(latent, options.Factor) - S(0.5)).mul_(S(2 * options.Reach)).add_(S(Border))
                .clamp_(S(0.0), S(1.0))
                .MoveToOuterDisposeScope();
        }

        /// <summary>
        /// The distance of each voxel to the nearest one that is meant, float32: squares of distances, smallest first along each axis by
        /// itself (Felzenszwalb and Huttenlocher 2012, equation 8). What is farther than the latent tells is some larger number.
        /// </summary>
        private Tensor DistanceTo(Tensor meant)
        {
            var steps = (long)Math.Ceiling(options.Reach + Border);
            var far = S(4.0 * (steps + 1) * (steps + 1));
            var square = full_like(meant, far, dtype: ScalarType.Float32).masked_fill_(meant, S(0.0));
            for (var axis = 2; axis < 5; axis++)
            {
                var nearest = square.clone();
                var size = square.shape[axis];
                for (var step = 1L; step <= Math.Min(steps, size - 1); step++)
                {
                    var moved = square + S((double)(step * step));
                    Lower(nearest.narrow(axis, step, size - step), moved.narrow(axis, 0, size - step));
                    Lower(nearest.narrow(axis, 0, size - step), moved.narrow(axis, step, size - step));
                }

                square = nearest;
            }

            return square.sqrt();

            static void Lower(Tensor place, Tensor by) => place.copy_(minimum(place, by));
        }
    }
}
