using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// A table that says which file is what: a column <c>patient</c>, perhaps <c>visit</c> and <c>split</c>, and either <c>kind</c> and
/// <c>path</c> or one column of paths for
/// each kind. Paths are below the source.
/// </summary>
/// <param name="file">The table.</param>
internal sealed class CsvLayout(string file) : ISourceLayout
{
    public string Name => "csv";

    public string? Sign(SourceTree tree) => $"the table {Path.GetFileName(file)}";

    public IEnumerable<TakenImage> Take(SourceTree tree, KindMap map, Action<LeftOut> passed)
    {
        var table = CsvTable.Read(file);
        var (patient, visit, split, kind, path) = (
            table.Find("patient", "subject", "case", "id"),
            table.Find("visit", "session"),
            table.Find("split"),
            table.Find("kind"),
            table.Find("path", "file"));
        if (patient < 0)
            throw new PlanException($"{file}:1: there is no column `patient`; its columns are {string.Join(", ", table.Columns)}.");
        if (kind >= 0 != path >= 0)
            throw new PlanException($"{file}:1: `kind` and `path` go together; or name a column for each kind.");
        int[] facts = [patient, visit, split];
        if (kind < 0 && Enumerable.Range(0, table.Columns.Count).Except(facts).Count() == 0)
            throw new PlanException($"{file}:1: no column names images: its columns are {string.Join(", ", table.Columns)}; add `kind` and "
                + "`path`, or a column of paths for each kind, such as t1c.");
        var images = tree.Images.ToDictionary(image => image.Path);
        foreach (var (line, cells) in table.Rows)
        {
            RequireName(cells[patient], "patient", line);
            if (visit >= 0 && cells[visit].Length > 0)
                RequireName(cells[visit], "visit", line);
            if (split >= 0 && cells[split].Length > 0 && SplitNames.Of(cells[split]) is null)
                throw new PlanException($"{file}:{line}: there is no split `{cells[split]}`; the splits are "
                    + $"{string.Join(", ", Cohort.AllSplits)}.");
            var named = kind >= 0
                ? [(Kind: cells[kind], Path: cells[path])]
                : Enumerable.Range(0, cells.Count).Except(facts).Select(column => (Kind: table.Columns[column], Path: cells[column]))
                    .ToArray();
            foreach (var one in named.Where(one => one.Path.Length > 0))
            {
                if (!ImageKinds.IsName(one.Kind))
                    throw new PlanException($"{file}:{line}: `{one.Kind}` is no kind of image: {ImageKinds.Rule}.");
                var below = Below(tree.Root, one.Path);
                if (images.TryGetValue(below, out var image))
                    yield return new TakenImage(
                        cells[patient],
                        visit < 0 ? "" : cells[visit],
                        map.KindOf(image) ?? one.Kind,
                        image,
                        map.PatternOf(image) ?? $"column {(kind >= 0 ? "path" : one.Kind)}") { Split = split < 0 || cells[split].Length == 0
                            ? null
                            : cells[split] };
                else if (!tree.LeftOut.Any(other => other.Path == below))
                    passed(new LeftOut(below, $"is named in {Path.GetFileName(file)}:{line}, and there is no such image below the source"));
            }
        }
    }

    public IEnumerable<string> Visits(SourceTree tree) => [];

    private void RequireName(string name, string what, int line)
    {
        if (ScanFolder.WhyNoName(name) is { } why)
            throw new PlanException($"{file}:{line}: the {what} `{string.Concat(name.Where(letter => !char.IsControl(letter)))}` {why}, "
                + "and a folder of the cohort is called after it; name it otherwise.");
    }

    private static string Below(string root, string path) => Path.GetRelativePath(root, Path.GetFullPath(path, root)).Replace('\\', '/');
}
