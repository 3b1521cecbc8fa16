using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// Brings generated volumes back onto the grid of the patient that they lie on: what <c>data import</c> and preparation did to places and
/// intensities is undone.
/// </summary>
/// <param name="cohort">The cohort that they were generated from.</param>
/// <param name="normalization">How training read its intensities.</param>
internal sealed class NativeVolumes(Cohort cohort, Normalization normalization)
{
    /// <summary>Writes a sample's volumes once more, whole or not at all.</summary>
    /// <param name="sample">The sample's folder.</param>
    /// <exception cref="PlanException">The cohort does not say what grid the patient had.</exception>
    public void Write(string sample)
    {
        if (SampleRecord.Read(sample)?.AffineOf is not { } of || of.LastIndexOf('/') is not (> 0 and var slash))
            throw new PlanException($"{sample} does not say on which patient it lies; make the sample anew.");
        var (patient, kind) = (of[..slash], of[(slash + 1)..]);
        var (grid, scan) = (GridOf(patient, kind), cohort.Sheet?.Find(patient));
        var (target, temporary) = (Path.Combine(sample, SampleFolder.NativeName), Path.Combine(sample, SampleFolder.HalfNativeName));
        if (Directory.Exists(temporary))
            Directory.Delete(temporary, recursive: true);
        Directory.CreateDirectory(temporary);
        foreach (var file in Directory.EnumerateFiles(sample, "*.nii.gz").Order(StringComparer.Ordinal))
        {
            var made = Path.GetFileName(file)[..^".nii.gz".Length];
            Write(
                NiftiFile.Read(file),
                made,
                grid,
                scan?.Files.GetValueOrDefault(made)?.Span,
                Path.Combine(temporary, Path.GetFileName(file)));
        }

        if (Directory.Exists(target))
            Directory.Delete(target, recursive: true);
        Directory.Move(temporary, target);
    }

    private void Write(NiftiVolume volume, string kind, FileGrid grid, IntensitySpan? span, string file)
    {
        var (sizes, comment) = (grid.Spacing, volume.Header.Comments.Count > 0 ? volume.Header.Comments[0] : null);
        var spacing = new Spacing(sizes[2], sizes[0], sizes[1]);
        if (ImageKinds.IsMask(kind))
        {
            NiftiFile.Write<byte>(
                file,
                Array.ConvertAll(Resampler.Nearest(volume, grid, 0), value => (byte)(value > 0.5f ? 1 : 0)),
                grid.Volume,
                spacing,
                grid.Affine,
                comment);
            return;
        }

        var voxels = Resampler.Linear(volume, grid, 0);
        if (span is not null && normalization == Normalization.Cohort)
        {
            for (var i = 0; i < voxels.Length; i++)
                voxels[i] = (float)(span.Low + Math.Clamp(voxels[i], 0, 1) * (span.High - span.Low));
        }

        NiftiFile.Write<float>(file, voxels, grid.Volume, spacing, grid.Affine, comment);
    }

    /// <summary>The grid of a patient before it was imported, or of the cohort's own file where it was not.</summary>
    private FileGrid GridOf(string patient, string kind)
    {
        if (cohort.Sheet?.Find(patient) is { } scan)
            return new FileGrid(scan.Grid.Shape, scan.Grid.Affine);
        if (cohort.Patients.FirstOrDefault(one => one.Name == patient && one.Kinds.Contains(kind)) is not { } own)
            throw new PlanException($"the cohort '{cohort.Folder}' has no {kind} of {patient}, on which the sample lies", "cohort");
        var header = NiftiFile.ReadHeader(own.File(kind));
        return new FileGrid([.. header.Shape.Take(3)], header.Affine);
    }
}
