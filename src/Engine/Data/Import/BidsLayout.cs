using System.Text.RegularExpressions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// The Brain Imaging Data Structure: <c>sub-X[/ses-Y]/anat/sub-X[_ses-Y][_…]_T1w.nii.gz</c>, with masks of lesions beside them or below
/// <c>derivatives</c>. A kind is
/// the suffix, and with contrast agent that as well: <c>t1w</c>, <c>t1w_gd</c>.
/// </summary>
internal sealed partial class BidsLayout : ISourceLayout
{
    [GeneratedRegex("(^|[_-])(lesions?|tumou?rs?|mets?|metastas[ei]s|gtv|l)([_-]|\\z)", RegexOptions.IgnoreCase)]
    private static partial Regex Lesion { get; }

    [GeneratedRegex(@"(^|/)sub-[^/]+(/ses-[^/]+)?\z")]
    private static partial Regex Visit { get; }

    public string Name => "bids";

    public string? Sign(SourceTree tree)
    {
        var patients = tree.Folders.Select(folder => SplitNames.First(folder).Place)
            .Count(place => place.StartsWith("sub-", StringComparison.Ordinal) && !place.Contains('/'));
        return patients == 0 ? null : $"{patients} {(patients == 1 ? "folder" : "folders")} sub-…";
    }

    public IEnumerable<TakenImage> Take(SourceTree tree, KindMap map, Action<LeftOut> passed)
    {
        var spaces = new HashSet<string>(["orig", "native", "individual", "T1w", "T2w", "FLAIR"], StringComparer.OrdinalIgnoreCase);
        foreach (var image in tree.Images)
        {
            var words = image.Stem.Split('_');
            string? Entity(string key) =>
                words.FirstOrDefault(word => word.StartsWith(key + "-", StringComparison.Ordinal))?[(key.Length + 1)..];
            var (split, place) = SplitNames.First(image.Folder);
            var (derived, suffix) = (place.StartsWith("derivatives/", StringComparison.Ordinal), words[^1]);
            var mapped = map.KindOf(image);
            var isMask = suffix is "dseg" or "seg" or "roi" or "lesion" || (suffix is "mask" or "probseg" && Lesion.IsMatch(image.Stem));
            if (Entity("sub") is not { Length: > 0 } patient)
                passed(new LeftOut(image.Path, "is not called after a patient, sub-…"));
            else if (mapped is null && derived && !isMask)
                passed(new LeftOut(image.Path, "is derived and no mask of lesions"));
            else if (mapped is null && !isMask && image.FolderName != "anat")
                passed(new LeftOut(image.Path, "is not in a folder anat"));
            else if (mapped is null && suffix is "mask" && !isMask)
                passed(new LeftOut(image.Path, "is a mask, and not called one of lesions"));
            else if (mapped is null && Entity("space") is { } space && !spaces.Contains(space))
                passed(new LeftOut(image.Path, $"lies in the space {space}, and the images in the patient's own"));
            else
                yield return new TakenImage(
                    $"sub-{patient}",
                    Entity("ses") is { } visit ? $"ses-{visit}" : "",
                    mapped ?? Kind(isMask, suffix, Entity("ce")),
                    image,
                    map.PatternOf(image) ?? (!isMask && Entity("ce") is { } agent ? $"*_ce-{agent}*_{suffix}" : $"*_{suffix}"))
                {
                    Split = split,
                    // the plainest name first, then the first run
                    Rank = 1000 * words.Length + (int.TryParse(Entity("run"), out var run) ? Math.Clamp(run, 0, 999) : 0),
                };
        }
    }

    public IEnumerable<string> Visits(SourceTree tree)
    {
        string[] all =
        [
            .. tree.Folders.Where(folder => !SplitNames.First(folder).Place.StartsWith("derivatives/", StringComparison.Ordinal)
                && Visit.IsMatch(folder))
        ];
        return all.Where(folder => !all.Any(other => other.StartsWith(folder + "/", StringComparison.Ordinal)));
    }

    private static string Kind(bool isMask, string suffix, string? agent) =>
        isMask ? ImageKinds.Seg
        : agent is null || string.Equals(agent, "none", StringComparison.OrdinalIgnoreCase) ? KindNames.Of(suffix)
        : KindNames.Of($"{suffix}_{(agent.StartsWith("gad", StringComparison.OrdinalIgnoreCase) ? "gd" : agent)}");
}
