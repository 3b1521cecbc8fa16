using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Tests.Data.Import;

/// <summary>
/// A data set as others lay it out, made small: every image shows one head, an ellipsoid around the origin whose intensity grows in a
/// straight line along each
/// direction, with a ball as tumour; shapes and orientations differ as they do between scanners.
/// </summary>
internal sealed class MadeSource : IDisposable
{
    /// <summary>Voxel size in mm.</summary>
    public const double Size = 3;

    /// <summary>The source's folder, whose name has a blank and an umlaut.</summary>
    public string Path { get; } = Directory.CreateDirectory(
        System.IO.Path.Combine(System.IO.Path.GetTempPath(), $"made söurce {Guid.NewGuid():n}", "in")).FullName;

    /// <summary>A folder beside the source.</summary>
    public string Beside(string name) => System.IO.Path.Combine(System.IO.Path.GetDirectoryName(Path)!, name);

    public string At(string relative)
    {
        var path = System.IO.Path.Combine(Path, relative);
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(path)!);
        return path;
    }

    /// <summary>The intensity at a place, in millimetres towards right, front and top.</summary>
    public static double Head(double x, double y, double z) => Inside(x, y, z) < 1 ? 200 + x + 2 * y + 3 * z : 0;

    /// <summary>Below 1 within the head.</summary>
    public static double Inside(double x, double y, double z) => x * x / (20 * 20) + y * y / (26 * 26) + z * z / (17 * 17);

    /// <summary>The rule of a tumour of a radius in mm.</summary>
    /// <param name="radius">The radius.</param>
    /// <param name="label">What its voxels have.</param>
    /// <param name="scan">Each scan has it elsewhere.</param>
    public static Func<double, double, double, double> Ball(double radius, double label = 1, int scan = 0) => (x, y, z) =>
    {
        var (dx, dy, dz) = (x - 3 + 3 * (scan % 5), y - 3 * (scan / 5), z + 2);
        return dx * dx + dy * dy + dz * dz < radius * radius ? label : 0;
    };

    /// <summary>The head as an image of a kind shows it in a scan: no two are alike.</summary>
    private static Func<double, double, double, double> Image(int scan, int kind) =>
        (x, y, z) => Head(x, y, z) is > 0 and var head ? head + (kind * x * y + scan * y * z) / 50 : 0;

    /// <summary>Adds an image of the head.</summary>
    /// <param name="file">Path below the source.</param>
    /// <param name="axes">Where its axes run, such as <c>LPS</c>.</param>
    /// <param name="voxels">Voxels along each axis.</param>
    /// <param name="size">Voxel size in mm.</param>
    /// <param name="at">The number at a place; by default the head.</param>
    /// <param name="shift">Where the header says that the middle lies, towards the right.</param>
    public MadeSource Add(
        string file,
        string axes = "RAS",
        int voxels = 20,
        double size = Size,
        Func<double,
        double,
        double,
        double>? at = null,
        double shift = 0)
    {
        var affine = Affine(axes, voxels, size);
        var made = new float[voxels * voxels * voxels];
        for (var i = 0; i < made.Length; i++)
        {
            var (d, h, w) = (i / (voxels * voxels), i / voxels % voxels, i % voxels);
            var place = Enumerable.Range(0, 3).Select(row => affine[row][0] * h + affine[row][1] * w + affine[row][2] * d + affine[row][3])
                .ToArray();
            made[i] = (float)(at ?? Head)(place[0], place[1], place[2]);
        }

        affine[0][3] += shift;
        using var tensor = torch.tensor(made, [1, voxels, voxels, voxels]);
        NiftiFile.Write(At(file), tensor, new Spacing(size, size, size), affine);
        return this;
    }

    /// <summary>Patients as BraTS ships them: three images and a mask with the labels 1, 2 and 3.</summary>
    public MadeSource AddBrats(int patients, int voxels = 20, double size = Size)
    {
        string[] axes = ["LPS", "RAS", "LAS"];
        for (var i = 0; i < patients; i++)
        {
            var name = $"BraTS-MET-{i:d5}-000";
            foreach (var (number, kind) in new[] { "t1c", "t1n", "t2f" }.Index())
                Add($"{name}/{name}-{kind}.nii.gz", axes[i % 3], voxels, size, Image(i, number));
            var ball = Ball(4 + i % 5, scan: i);
            Add($"{name}/{name}-seg.nii.gz", axes[i % 3], voxels, size, (x, y, z) => ball(x, y, z) == 0 ? 0 : z < -3 ? 1 : z < 0 ? 2 : 3);
        }

        return this;
    }

    /// <summary>Patients as BIDS has them, with two visits each, and masks below <c>derivatives</c>.</summary>
    public MadeSource AddBids(int patients)
    {
        string[] axes = ["RAS", "PIR", "LSA"];
        for (var i = 0; i < patients; i++)
        {
            for (var visit = 1; visit <= 2; visit++)
            {
                var (sub, name, scan) = ($"sub-{i:d2}/ses-{visit}/anat", $"sub-{i:d2}_ses-{visit}", 2 * i + visit);
                Add($"{sub}/{name}_ce-gad_T1w.nii.gz", axes[i % 3], voxels: 20 + i % 2, at: Image(scan, 0));
                Add($"{sub}/{name}_FLAIR.nii", axes[(i + 1) % 3], at: Image(scan, 1));
                Add(
                    $"derivatives/manual/{sub}/{name}_label-lesion_mask.nii.gz",
                    axes[i % 3],
                    voxels: 20 + i % 2,
                    at: Ball(4 + i % 5, scan: scan));
            }
        }

        return this;
    }

    /// <summary>Patients as nnU-Net reads them, with two channels, and one without mask that is to be predicted.</summary>
    public MadeSource AddNnunet(int patients)
    {
        const string names = """{"channel_names": {"0": "T1", "1": "FLAIR"}, "labels": {"background": 0, "tumour": 1}}""";
        File.WriteAllText(At("Dataset007_Met/dataset.json"), names);
        for (var i = 0; i < patients; i++)
        {
            var (folder, axes) = (i == patients - 1 ? "Ts" : "Tr", i % 2 == 0 ? "LPS" : "RAS");
            foreach (var channel in new[] { 0, 1 })
                Add($"Dataset007_Met/images{folder}/met_{i:d3}_{channel:d4}.nii.gz", axes, at: Image(i, channel));
            if (folder == "Tr")
                Add($"Dataset007_Met/labels{folder}/met_{i:d3}.nii.gz", axes, at: Ball(4 + i % 5, scan: i));
        }

        return this;
    }

    public void Dispose() => Directory.Delete(System.IO.Path.GetDirectoryName(Path)!, recursive: true);

    private static double[][] Affine(string axes, int voxels, double size)
    {
        double[][] affine = [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 1]];
        for (var axis = 0; axis < 3; axis++)
        {
            var (row, sign) = "RAS".Contains(axes[axis]) ? ("RAS".IndexOf(axes[axis]), 1) : ("LPI".IndexOf(axes[axis]), -1);
            affine[row][axis] = sign * size;
            affine[row][3] = -sign * size * (voxels - 1) / 2;
        }

        return affine;
    }
}
