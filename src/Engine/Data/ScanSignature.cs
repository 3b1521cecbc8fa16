using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>
/// Some of an image's intensities, by which it is known again after it was rescaled or stored in another type: all of a scan's
/// would take too much memory.
/// </summary>
internal sealed class ScanSignature
{
    private const int Places = 1024;

    // of the range: what is left of 16-bit numbers stays below it, and noise of a second scan does not
    private const float Tolerance = 1e-4f;

    // an image that takes few values says too little: others could have the same by chance
    private const int LeastDistinct = 64;

    private readonly float[] _values;
    private readonly bool _says;

    private ScanSignature(string shape, float[] values) =>
        (Shape, _values, _says) = (shape, values, values.Distinct().Take(LeastDistinct).Count() == LeastDistinct);

    /// <summary>The image's shape: only images of one shape are compared.</summary>
    public string Shape { get; }

    /// <summary>The signature of an image that is not constant.</summary>
    public static ScanSignature Of(NiftiVolume volume)
    {
        var voxels = volume.Intensities.Span;
        var (low, high) = (volume.Min!.Value, volume.Max!.Value);
        // the distance of places has no factor in common with a row of voxels, so that they are not all in one plane
        var (count, stride) = (Math.Min(Places, voxels.Length), Math.Max(1, voxels.Length / Places) | 1);
        var values = new float[count];
        for (var i = 0; i < count; i++)
            values[i] = (float)((voxels[(int)((long)i * stride % voxels.Length)] - low) / (high - low));
        return new ScanSignature(string.Join('×', volume.Header.Shape), values);
    }

    /// <summary>Whether another image of this shape is this one but for slope and intercept; a negative slope too.</summary>
    public bool IsLike(ScanSignature other) => _says && other._says && (Match(other, 1, 0) || Match(other, -1, 1));

    private bool Match(ScanSignature other, float slope, float intercept)
    {
        for (var i = 0; i < _values.Length; i++)
        {
            if (!(Math.Abs(_values[i] - (slope * other._values[i] + intercept)) <= Tolerance))
                return false;
        }

        return true;
    }
}
