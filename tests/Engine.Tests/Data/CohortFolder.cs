using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Tests.Data;

/// <summary>A small cohort that goes with the test.</summary>
internal sealed class CohortFolder : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public string Path => _folder.Path;

    public Cohort Open() => Cohort.Open(Path);

    public string File(string split, string patient, string kind) => _folder.File(System.IO.Path.Combine(split, patient, kind + ".nii.gz"));

    /// <summary>Adds an image of the given voxels, <c>[D, H, W]</c>.</summary>
    public CohortFolder Add(string split, string patient, string kind, VolumeShape shape, params ReadOnlySpan<float> voxels)
    {
        NiftiFile.Write(File(split, patient, kind), voxels, shape, new Spacing(1, 1, 1), null, null);
        return this;
    }

    /// <summary>Adds an image whose voxels lie where the affine says.</summary>
    public CohortFolder Add(
        string split,
        string patient,
        string kind,
        VolumeShape shape,
        IReadOnlyList<IReadOnlyList<double>> affine,
        params ReadOnlySpan<float> voxels)
    {
        NiftiFile.Write(File(split, patient, kind), voxels, shape, new VolumeGrid(shape, affine).Spacing, affine, null);
        return this;
    }

    /// <summary>Adds an image of 2×2×2 voxels that grow from 0 to 7.</summary>
    public CohortFolder Add(string split, string patient, string kind) =>
        Add(split, patient, kind, new VolumeShape(1, 2, 2, 2), 0, 1, 2, 3, 4, 5, 6, 7);

    public void Dispose() => _folder.Dispose();
}
