namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// What <see cref="DicomConversion"/> made of DICOM: its record says whose each volume is. A kind is the description of its series.
/// </summary>
internal sealed class DicomLayout : ISourceLayout
{
    public const string LayoutName = "dicom";

    public string Name => LayoutName;

    public string? Sign(SourceTree tree)
    {
        if (!tree.Others.Contains(DicomRecord.FileName))
            return null;
        var record = DicomRecord.Read(tree.Root);
        return $"{record.Series.Count} series of {record.Source}, which dcm2niix {record.Converter} made NIfTI of";
    }

    public IEnumerable<TakenImage> Take(SourceTree tree, KindMap map, Action<LeftOut> passed)
    {
        var record = DicomRecord.Read(tree.Root);
        foreach (var left in record.LeftOut)
            passed(left);
        foreach (var series in record.Series.Where(series => series.Why is not null))
            passed(new LeftOut(
                $"{series.Patient}/{series.Visit}",
                $"has a series {series.Description} {series.Number} that is not taken: {series.Why}"));
        var of = record.Series.SelectMany(series => series.Images.Select(path => (path, series)))
            .ToDictionary(one => one.path, one => one.series);
        foreach (var image in tree.Images)
        {
            if (!of.TryGetValue(image.Path, out var series))
            {
                passed(new LeftOut(image.Path, $"is not in {DicomRecord.FileName}"));
                continue;
            }

            var name = image.Stem[(image.Stem.IndexOf('_') + 1)..];
            yield return new TakenImage(
                series.Patient,
                series.Visit,
                map.KindOf(image) ?? KindNames.Of(name),
                image,
                map.PatternOf(image) ?? $"*_{name}") { Rank = series.Number };
        }
    }

    public IEnumerable<string> Told(SourceTree tree, IReadOnlyList<TakenImage> taken) => DicomRecord.Read(tree.Root).Told;

    public IEnumerable<string> Visits(SourceTree tree) => [];
}
