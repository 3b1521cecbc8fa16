namespace VoxelZoo.Engine.Nifti;

/// <summary>
/// What a NIfTI-1 or NIfTI-2 header says, checked: dimensions are positive, the affine is finite, the type is a plain number.
/// </summary>
public sealed record NiftiHeader
{
    /// <summary>Size along each dimension in file order, the fastest-running first: <c>[H, W, D]</c> for the volumes of a cohort.</summary>
    public required IReadOnlyList<int> Shape { get; init; }

    /// <summary>Voxel size along the spatial dimensions (three at most) in file order, in millimetres.</summary>
    public required IReadOnlyList<double> Spacing { get; init; }

    /// <summary>
    /// The stored type as NumPy writes it: <c>int16</c>, <c>float32</c>; <c>&gt;i2</c>, <c>&gt;f4</c> for big-endian files.
    /// </summary>
    public required string DataType { get; init; }

    /// <summary>
    /// Rows of the 4×4 matrix from voxel indices in file order to millimetres (right, anterior, superior): the sform where its code is
    /// positive, else the qform, else the spacing alone, with x to the left and the origin in the middle.
    /// </summary>
    public required IReadOnlyList<IReadOnlyList<double>> Affine { get; init; }

    /// <summary>
    /// The matrix that the qform says, where the header has both forms, so that <see cref="Affine"/> is the sform; else null.
    /// </summary>
    public IReadOnlyList<IReadOnlyList<double>>? Qform { get; init; }

    /// <summary>The space that the qform leads to, 0 where there is none: <c>qform_code</c>.</summary>
    public int QformCode { get; init; }

    /// <summary>The space that the sform leads to, 0 where there is none: <c>sform_code</c>.</summary>
    public int SformCode { get; init; }

    /// <summary>Factor from stored numbers to intensities; 1 where the file's slope is 0 or not finite, which means unscaled.</summary>
    public required double Slope { get; init; }

    /// <summary>Intensity of the stored number 0.</summary>
    public required double Intercept { get; init; }

    /// <summary>Text of the comment extensions (code 6), in file order.</summary>
    public required IReadOnlyList<string> Comments { get; init; }

    /// <summary>What is wrong with the header and can be read all the same, one sentence each.</summary>
    public IReadOnlyList<string> Complaints { get; init; } = [];

    /// <summary>Number of voxels, the product of <see cref="Shape"/>.</summary>
    public long Voxels => Shape.Aggregate(1L, (product, size) => product * size);
}
