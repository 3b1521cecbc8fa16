using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Diffusion.Patients;

/// <summary>What generated patients have to be like, and how often it is tried.</summary>
public sealed record PatientChecks
{
    /// <summary>
    /// Masks that are drawn until one has the numbers of tumours asked for; after that the nearest one is taken. Default 10.
    /// </summary>
    [Range(1, 10_000)]
    public int MaskAttempts { get; init; } = 10;

    /// <summary>Images that are drawn of a mask before another mask is drawn. Default 5.</summary>
    [Range(1, 10_000)]
    public int ImageAttempts { get; init; } = 5;

    /// <summary>How often a patient is begun anew before the work ends with an error. Default 20.</summary>
    [Range(1, 10_000)]
    public int Attempts { get; init; } = 20;

    /// <summary>The share of a slice from which on it is too much for a tumour. Default 0.04.</summary>
    [Range(0.0, 1.0)]
    public double SliceShare { get; init; } = 0.04;

    /// <summary>Whether images have to be of one brain, in which the tumours lie. Default true.</summary>
    public bool Brain { get; init; } = true;

    /// <summary>What is brighter may be brain. Default 0.05.</summary>
    [Range(0.0, 1.0)]
    public double BrainThreshold { get; init; } = 0.05;

    /// <summary>How many voxels around it count as brain too. Default 0.</summary>
    [Range(0, 100)]
    public int BrainDilation { get; init; }

    /// <summary>The size of a second bright component, by that of the largest, from which on an image is refused. Default 0.01.</summary>
    [Range(0.0, 1.0)]
    public double SecondComponent { get; init; } = 0.01;

    /// <summary>A tumour of which more than this share is outside of the brain is removed. Default 0.1.</summary>
    [Range(0.0, 1.0)]
    public double Outside { get; init; } = 0.1;

    /// <summary>
    /// Whether brains have to be of a shape as the training split's have them, by the metric <c>brain_shape</c>. Default false.
    /// </summary>
    public bool Shape { get; init; }

    /// <summary>Whether tumours have to lie in the union of the training split's brains, too. Default false.</summary>
    public bool Atlas { get; init; }

    /// <summary>The largest share of a slice that is tumour.</summary>
    /// <param name="mask"><c>[D, H, W]</c>, W fastest; above one half is tumour.</param>
    /// <param name="shape">Its shape.</param>
    internal static double LargestShare(ReadOnlySpan<float> mask, VolumeShape shape)
    {
        var (slice, most) = (shape.Height * shape.Width, 0);
        for (var d = 0; d < shape.Depth; d++)
        {
            var tumour = 0;
            foreach (var voxel in mask.Slice(d * slice, slice))
                tumour += voxel > 0.5f ? 1 : 0;
            most = Math.Max(most, tumour);
        }

        return most / (double)slice;
    }

    /// <summary>Removes the tumours from a mask that lie too far outside.</summary>
    /// <param name="mask"><c>[D, H, W]</c>, W fastest; is changed.</param>
    /// <param name="shape">Its shape.</param>
    /// <param name="inside">Where tumours may be.</param>
    /// <returns>How many were removed.</returns>
    internal int RemoveOutside(float[] mask, VolumeShape shape, bool[] inside)
    {
        var tumours = Components.Of([.. mask.Select(voxel => voxel > 0.5f)], shape, Neighbourhood.Corners);
        var outside = new int[tumours.Sizes.Count];
        for (var i = 0; i < mask.Length; i++)
        {
            if (tumours.Labels[i] > 0 && !inside[i])
                outside[tumours.Labels[i] - 1]++;
        }

        bool[] removed = [.. tumours.Sizes.Select((size, i) => outside[i] > Outside * size)];
        for (var i = 0; i < mask.Length; i++)
        {
            if (tumours.Labels[i] > 0 && removed[tumours.Labels[i] - 1])
                mask[i] = 0;
        }

        return removed.Count(each => each);
    }
}
