using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>Writes a scan's images into a folder, on one grid.</summary>
/// <param name="plan">What is to be done.</param>
/// <param name="source">The folder that paths begin in.</param>
internal sealed class ScanWriter(ImportPlan plan, string source)
{
    /// <summary>Writes a scan.</summary>
    /// <param name="survey">The scan.</param>
    /// <param name="grid">The grid of all its images.</param>
    /// <param name="folder">The folder, which exists.</param>
    /// <param name="stop">Stops within the scan.</param>
    /// <returns>What its files became, by kind.</returns>
    /// <exception cref="InvalidDataException">It cannot be used; the message is the end of a sentence that its name begins.</exception>
    public IReadOnlyDictionary<string, SourceFile> Write(ScanSurvey survey, FileGrid grid, string folder, CancellationToken stop)
    {
        var (scan, files) = (survey.Scan, new Dictionary<string, SourceFile>());
        HeadRegion? head = null;
        foreach (var kind in scan.Kinds)
        {
            stop.ThrowIfCancellationRequested();
            files[kind] = new SourceFile(scan.Images[kind], survey.Sha256[kind], Linked: false);
            if (plan.Recipe.Link && IsAsItShouldBe(survey, kind, grid))
            {
                var image = Path.Combine(source, scan.Images[kind]);
                File.CreateSymbolicLink(
                    Path.Combine(folder, kind + (image.EndsWith(".gz", StringComparison.OrdinalIgnoreCase) ? ".nii.gz" : ".nii")),
                    image);
                files[kind] = files[kind] with { Linked = true };
            }
            else if (ImageKinds.IsMask(kind))
            {
                WriteMasks(Resampler.Nearest(ScanSurvey.Read(plan, scan, kind), grid, 0, stop), kind, grid, folder);
            }
            else
            {
                var volume = ScanSurvey.Read(plan, scan, kind);
                var voxels = Resampler.Linear(volume, grid, (float)volume.Min!.Value, stop);
                head ??= HeadRegion.Of(voxels, grid.Volume);
                files[kind] = files[kind] with { Span = WriteImage(voxels, kind, head, grid, folder) };
            }
        }

        return files;
    }

    /// <summary>The kinds of mask that a mask of the source becomes.</summary>
    public static IReadOnlyList<string> MasksOf(ImportPlan plan, string kind) =>
        kind == ImageKinds.Seg && plan.Labels.Count > 0 ? [.. plan.Labels.Select(rule => rule.Kind)] : [kind];

    private IntensitySpan? WriteImage(float[] voxels, string kind, HeadRegion head, FileGrid grid, string folder)
    {
        IntensitySpan? span;
        try
        {
            span = plan.Intensity.Apply(voxels, head);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"has an image {kind} that {e.Message}");
        }

        Save<float>(voxels, kind, grid, folder);
        return span;
    }

    private void WriteMasks(float[] labels, string kind, FileGrid grid, string folder)
    {
        foreach (var made in MasksOf(plan, kind))
        {
            var rule = kind == ImageKinds.Seg ? plan.Labels.FirstOrDefault(one => one.Kind == made) : null;
            Save<byte>(
                Array.ConvertAll(labels, label => (byte)((rule is null ? LabelRule.IsTumour(label) : rule.Has(label)) ? 1 : 0)),
                made,
                grid,
                folder);
        }
    }

    private static void Save<T>(T[] voxels, string kind, FileGrid grid, string folder)
        where T : unmanaged
    {
        var spacing = grid.Spacing;
        NiftiFile.Write<T>(
            Path.Combine(folder, kind + ".nii.gz"),
            voxels,
            grid.Volume,
            new Spacing(spacing[2], spacing[0], spacing[1]),
            grid.Affine,
            null);
    }

    /// <summary>Whether a file can be linked to: it has the grid already, and a mask is 0 and 1.</summary>
    private bool IsAsItShouldBe(ScanSurvey survey, string kind, FileGrid grid)
    {
        var header = plan.Header(survey.Scan, kind);
        var near = grid.Shape.SequenceEqual(header.Shape.Take(3))
            && NiftiAffine.Distance(header.Affine, grid.Affine, grid.Shape) < 1e-3 * grid.Spacing.Min();
        return near && (!ImageKinds.IsMask(kind) || (kind == ImageKinds.Seg && survey.Labels.Keys.All(label => label == "1")));
    }
}
