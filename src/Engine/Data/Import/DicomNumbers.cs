namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// What the numbers of a series' images tell of slices that are missing at its ends, which their places do not: InstanceNumber and
/// ImagesInAcquisition.
/// </summary>
internal static class DicomNumbers
{
    /// <summary>Why a series is known to lack slices, as the end of a sentence, or null where it is not.</summary>
    /// <param name="files">The series; each file is one image of a place of its own.</param>
    /// <param name="all">The images of all series.</param>
    public static string? WhyNotWhole(IReadOnlyList<DicomFile> files, IReadOnlyList<DicomFile> all)
    {
        if (files[0].ImagesInAcquisition is not { } whole || files.Any(file => file.ImagesInAcquisition != whole) || !AreOneVolume(files))
            return null;
        var missing = whole - files.Count;
        // of an acquisition of which most became other series nothing can be said
        return missing <= 0 || missing >= files.Count || files.Any(file => file.Instance > whole) || GoesOnElsewhere(files, all)
            ? null
            : $"{(missing == 1 ? "a slice is" : $"{missing} slices are")} missing at an end: there are {files.Count} images, and their "
                + $"acquisition has {whole} (ImagesInAcquisition)";
    }

    /// <summary>
    /// The number of the first image, where the numbers follow each other along the volume and begin beyond 1, as if slices before were
    /// missing; else null.
    /// </summary>
    public static int? First(IReadOnlyList<DicomFile> files, IReadOnlyList<DicomFile> all)
    {
        if (files[0].ImagesInAcquisition == files.Count || !AreOneVolume(files))
            return null;
        var least = files.Min(file => file.Instance!.Value);
        var isRow = files.Max(file => file.Instance!.Value) - least + 1 == files.Count;
        return least > 1 && isRow && !GoesOnElsewhere(files, all) ? least : null;
    }

    /// <summary>Whether each image has a number, and a place, of its own.</summary>
    private static bool AreOneVolume(IReadOnlyList<DicomFile> files) =>
        files.All(file => file is { Instance: not null, Position: not null, Frames: 1 } && file.Acquisition == files[0].Acquisition)
        && files.DistinctBy(file => file.Instance).Count() == files.Count
        && files.DistinctBy(file => string.Join(' ', file.Position!.Select(number => Math.Round(number, 2)))).Count() == files.Count;

    /// <summary>Whether another series of the study has the other numbers, as where one acquisition became several series.</summary>
    private static bool GoesOnElsewhere(IReadOnlyList<DicomFile> files, IReadOnlyList<DicomFile> all)
    {
        var own = files.Select(file => file.Instance).ToHashSet();
        return all.Where(file => file.Study == files[0].Study && file.Series != files[0].Series).GroupBy(file => file.Series)
            .Any(series => series.All(file => file.Instance is not null && !own.Contains(file.Instance)));
    }
}
