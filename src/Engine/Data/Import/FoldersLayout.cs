namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// A folder for each patient, whatever its files are called: <c>PATIENT[/VISIT]/KIND.nii.gz</c>. Folders <c>train</c>, <c>val</c> and
/// <c>test</c> above them, however <see cref="SplitNames"/> has them spelt, are kept as splits.
/// </summary>
internal sealed class FoldersLayout : ISourceLayout
{
    public string Name => "folders";

    public string? Sign(SourceTree tree)
    {
        var folders = tree.Images.Where(image => image.Folder.Length > 0).Select(image => image.Folder).Distinct().Count();
        return folders == 0 ? null : $"{folders} {(folders == 1 ? "folder holds" : "folders hold")} images";
    }

    public IEnumerable<TakenImage> Take(SourceTree tree, KindMap map, Action<LeftOut> passed)
    {
        foreach (var image in tree.Images)
        {
            var (split, place) = SplitNames.First(image.Folder);
            if (place.Length == 0)
            {
                passed(new LeftOut(image.Path, "is in no patient's folder"));
                continue;
            }

            var folders = place.Split('/');
            var stem = folders.Aggregate(image.Stem, (left, folder) => KindNames.Without(folder, left));
            if (folders.Any(folder => string.Equals(folder, stem, StringComparison.OrdinalIgnoreCase)))
                stem = "image"; // called after the patient alone
            var pattern = stem == image.Stem || !image.Stem.EndsWith(stem, StringComparison.Ordinal)
                ? image.Stem
                : $"*{image.Stem[^(stem.Length + 1)..]}";
            yield return new TakenImage(
                folders[0],
                string.Join('_', folders[1..]),
                map.KindOf(image) ?? KindNames.Of(stem),
                image,
                map.PatternOf(image) ?? pattern) { Split = split };
        }
    }

    public IEnumerable<string> Visits(SourceTree tree) =>
        tree.Folders.Where(
            folder =>
                SplitNames.First(folder).Place.Length > 0
                && !tree.Folders.Any(other => other.StartsWith(folder + "/", StringComparison.Ordinal)));
}
