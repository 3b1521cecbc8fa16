using System.Text.RegularExpressions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// As the BraTS challenges ship their data: <c>…/SCAN/SCAN-t1c.nii.gz</c>, or <c>SCAN_t1ce.nii</c> in the years before 2023. From 2023 on
/// the last number of a scan's
/// name is the visit.
/// </summary>
internal sealed partial class BratsLayout : ISourceLayout
{
    [GeneratedRegex(@"^(.*[A-Za-z].*-\d{4,})-(\d{3})\z")]
    private static partial Regex WithVisit { get; }

    public string Name => "brats";

    public string? Sign(SourceTree tree)
    {
        var scans = tree.Images.Where(IsNamedAsItsFolder).Select(image => image.Folder).Distinct().Count();
        return scans == 0 ? null : $"{scans} {(scans == 1 ? "folder holds" : "folders hold")} files that begin with the folder's name";
    }

    public IEnumerable<TakenImage> Take(SourceTree tree, KindMap map, Action<LeftOut> passed)
    {
        foreach (var image in tree.Images)
        {
            if (image.Folder.Length == 0 || (!IsNamedAsItsFolder(image) && map.KindOf(image) is null))
            {
                passed(new LeftOut(image.Path, "does not begin with the name of its folder"));
                continue;
            }

            var (patient, visit) = WithVisit.Match(image.FolderName) is { Success: true } match
                ? (match.Groups[1].Value, match.Groups[2].Value)
                : (image.FolderName, "");
            yield return new TakenImage(
                patient,
                visit,
                map.KindOf(image) ?? KindNames.Of(KindNames.Without(image.FolderName, image.Stem)),
                image,
                map.PatternOf(image) ?? $"*{image.Stem[image.FolderName.Length..]}")
            {
                Split = Parent(image.Folder).Split('/').LastOrDefault(folder => SplitNames.Of(folder) is not null),
            };
        }
    }

    public IEnumerable<string> Visits(SourceTree tree)
    {
        var siblings = tree.Images.Where(IsNamedAsItsFolder).Select(image => Parent(image.Folder)).ToHashSet();
        return tree.Folders.Where(folder => siblings.Contains(Parent(folder)));
    }

    private static string Parent(string folder) => folder.LastIndexOf('/') is >= 0 and var slash ? folder[..slash] : "";

    private static bool IsNamedAsItsFolder(NamedImage image) =>
        image.FolderName.Length > 0 && KindNames.Without(image.FolderName, image.Stem) != image.Stem;
}
