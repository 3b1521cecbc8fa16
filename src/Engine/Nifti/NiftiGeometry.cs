namespace VoxelZoo.Engine.Nifti;

/// <summary>
/// What is wrong with the places and sizes that a header gives its voxels. Whatever is found here can be read; whether it is
/// used, is decided elsewhere.
/// </summary>
internal static class NiftiGeometry
{
    // of a voxel: rounding to float32 stays below it, and nothing that can be seen in a picture does
    private const double Tolerance = 1e-3;

    // of a voxel: a rotation near a half turn has this error by the rounding of its quaternion alone
    private const double FormTolerance = 0.5;

    // in mm, with room for rounding: a microscope's voxel, and more than a body
    private const double Smallest = 1.0005e-3, Largest = 999.5;

    // of the product of the axes' lengths: an angle between two axes that no scanner has
    private const double Flat = 1e-4;

    /// <summary>Looks at a header.</summary>
    public static IEnumerable<GeometryFault> Faults(NiftiHeader header)
    {
        var sizes = NiftiAffine.Sizes(header.Affine)[..header.Spacing.Count];
        if (header.Spacing.Count == 3 && Math.Abs(NiftiAffine.Determinant(header.Affine)) <= Flat * sizes[0] * sizes[1] * sizes[2])
        {
            yield return new GeometryFault(
                "has an affine that puts different voxels in one place: its determinant is 0; write it with a valid sform or qform",
                Allowable: false);
            yield break; // it has no sizes that could be compared
        }

        if (header is { QformCode: 0, SformCode: 0 })
            yield return Unoriented;
        if (sizes.Any(size => size is <= Smallest or >= Largest))
            yield return new GeometryFault(
                $"has voxels of {Shown(sizes)} mm by its affine, where more than 0.001 and less than 1000 mm are expected; "
                + "write it with its voxel size in millimetres",
                Allowable: true);
        if (header.Spacing.Zip(sizes).Any(pair => Math.Abs(pair.First - pair.Second) > Tolerance * Math.Max(pair.First, pair.Second)))
            yield return new GeometryFault(
                $"has voxels of {Shown(header.Spacing)} mm by its pixdim and of {Shown(sizes)} mm by its affine; "
                + "write it with one voxel size",
                Allowable: true);
        else if (header.Qform is { } qform
            && NiftiAffine.Distance(header.Affine, qform, header.Shape) is var distance
            && distance > FormTolerance * sizes.Min())
            yield return Forms(header, distance);
    }

    /// <summary>
    /// What to say where a header has sizes alone. It is no reason to refuse a cohort: what is generated from
    /// it lies where nibabel puts it.
    /// </summary>
    private static GeometryFault Unoriented => new(
        "has neither an sform nor a qform, so that nothing says which side is left: it is read as nibabel reads it, x to the left (LAS), "
        + "the origin in the middle; write it with an sform",
        Allowable: true)
    { Refused = false };

    /// <summary>
    /// What to say of two forms. With one code both claim to lead to the same space; with two the standard means two
    /// spaces, and the sform is read.
    /// </summary>
    private static GeometryFault Forms(NiftiHeader header, double distance)
    {
        var found = FormattableString.Invariant($"has a qform and an sform, codes {header.QformCode} and {header.SformCode}, ")
            + FormattableString.Invariant($"that put a voxel in places up to {distance:G3} mm apart");
        return header.QformCode == header.SformCode
            ? new GeometryFault($"{found}; write it with one of them, or the same in both", Allowable: true)
            : new GeometryFault($"{found}: the sform is taken", Allowable: true) { Refused = false };
    }

    private static string Shown(IEnumerable<double> sizes) =>
        string.Join('×', sizes.Select(size => FormattableString.Invariant($"{size:G4}")));
}

/// <summary>Something that is wrong with where a header puts its voxels.</summary>
/// <param name="Sentence">What was found and what to do, as of a file that is named before it, without a full stop.</param>
/// <param name="Allowable">Whether who knows better may take it as it is.</param>
internal sealed record GeometryFault(string Sentence, bool Allowable)
{
    /// <summary>Whether it is used only where that is allowed.</summary>
    public bool Refused { get; init; } = true;
}
