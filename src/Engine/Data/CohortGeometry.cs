using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data;

/// <summary>What the volumes of a cohort have in common, by their headers alone: what an experiment for it has to be told.</summary>
/// <param name="Height">Rows of a file.</param>
/// <param name="Width">Columns of a file.</param>
/// <param name="Slices">Slices of the file with the most.</param>
/// <param name="FieldOfView">Extent of the rows and of the columns in mm.</param>
/// <param name="SlicePitch">Distance of neighbouring slices in mm.</param>
public sealed record CohortGeometry(int Height, int Width, int Slices, double FieldOfView, double SlicePitch)
{
    // scanners' rounding stays below it
    private const double Same = 0.01;

    /// <summary>Voxels and their size, for people.</summary>
    public string Shown =>
        FormattableString.Invariant(
            $"{Height}×{Width}×{Slices} voxels of {FieldOfView / Height:0.###}×{FieldOfView / Width:0.###}×{SlicePitch:0.###} mm");

    /// <summary>Reads a header of each patient.</summary>
    /// <exception cref="PlanException">Volumes differ in rows, columns or voxel size, or a picture is not as wide as it is high, so that
    /// no experiment fits all.</exception>
    public static CohortGeometry Of(Cohort cohort)
    {
        var headers = cohort.Patients.AsParallel().AsOrdered()
            .Select(patient => (patient.Name, Header: Read(patient.File(patient.Kinds[0])))).ToArray();
        var (first, header) = headers[0];
        foreach (var (name, other) in headers)
        {
            var alike = other.Shape.Take(2).SequenceEqual(header.Shape.Take(2))
                && other.Spacing.Zip(header.Spacing).All(pair => Near(pair.First, pair.Second));
            if (!alike)
            {
                throw new PlanException(
                    $"{first} has {Size(header)} and {name} {Size(other)}, and an experiment takes one grid; "
                        + $"bring them onto one with `data import {cohort.Folder} --to COHORT`.",
                    "cohort");
            }
        }

        var (high, wide) = (header.Shape[0] * header.Spacing[0], header.Shape[1] * header.Spacing[1]);
        return Near(high, wide)
            ? new CohortGeometry(
                header.Shape[0],
                header.Shape[1],
                headers.Max(one => one.Header.Shape[2]),
                Math.Round(high, 3),
                Math.Round(header.Spacing[2], 4))
            : throw new PlanException(
                FormattableString.Invariant($"pictures are {high:0.#} mm by {wide:0.#} mm, and an experiment takes square ones; ")
                    + $"make them so with `data import {cohort.Folder} --to COHORT`.",
                "cohort");
    }

    private static NiftiHeader Read(string file)
    {
        var header = NiftiFile.ReadHeader(file);
        return header.Shape.Count >= 3 && header.Shape.Skip(3).All(size => size == 1)
            ? header
            : throw new InvalidDataException($"{file}: an image of {string.Join('×', header.Shape)} is not one volume.");
    }

    private static bool Near(double one, double other) => Math.Abs(one - other) <= Same * Math.Max(one, other);

    private static string Size(NiftiHeader header) =>
        $"{string.Join('×', header.Shape.Take(3))} voxels of "
            + FormattableString.Invariant($"{string.Join('×', header.Spacing.Select(size => Math.Round(size, 3)))} mm");
}
