namespace VoxelZoo.Engine.Data.Import;

/// <summary>Images of a source that are no NIfTI, which nobody takes.</summary>
internal static class OtherFormats
{
    private static readonly HashSet<string> Suffixes =
        [".mha", ".mhd", ".nrrd", ".nhdr", ".mgz", ".mgh", ".hdr", ".img", ".npy", ".npz"];

    /// <summary>How many there are of which, a sentence each.</summary>
    public static IEnumerable<string> Sentences(SourceTree tree)
    {
        string[] dicom = [.. tree.Others.Where(path => MayBeDicom(path) && DicomFile.IsOne(Path.Combine(tree.Root, path)))];
        if (dicom.Length > 0)
            yield return $"{Files(dicom, "of DICOM")} passed over, as there is NIfTI: {dicom[0]}{More(dicom)}; --layout dicom takes them, "
                + "and no NIfTI";
        string[] others = [.. tree.Others.Where(path => Suffixes.Contains(Path.GetExtension(path).ToLowerInvariant()))];
        if (others.Length > 0)
            yield return $"{Files(others, "of a format that is not read")} passed over: {others[0]}{More(others)}; write them as "
                + ".nii.gz";
    }

    /// <summary>NIfTI beside DICOM that was asked for.</summary>
    public static IEnumerable<string> BesideDicom(SourceTree tree)
    {
        string[] images = [.. tree.Images.Select(image => image.Path)];
        if (images.Length > 0)
            yield return $"{Files(images, "of NIfTI")} passed over, as the DICOM was asked for: {images[0]}{More(images)}";
    }

    // files of text that tables and sidecars are in have a suffix of letters, and there are many of them
    private static bool MayBeDicom(string path) =>
        Path.GetExtension(path).ToLowerInvariant() is var suffix && (suffix is ".dcm" or ".ima" || !suffix.Any(char.IsAsciiLetter));

    private static string Files(IReadOnlyList<string> paths, string which) =>
        paths.Count == 1 ? $"1 file {which} is" : $"{paths.Count} files {which} are";

    private static string More(IReadOnlyList<string> paths) => paths.Count > 1 ? " …" : "";
}
