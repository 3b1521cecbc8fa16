using Spectre.Console;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Import;
using VoxelZoo.Host.CommandLine;

namespace VoxelZoo.Host.Displays;

/// <summary>What an import takes for what.</summary>
internal static class ImportTable
{
    private const int MostLeftOut = 20;

    /// <summary>The table.</summary>
    /// <param name="plan">What would be done.</param>
    /// <param name="source">What the source is called.</param>
    public static Rows Of(ImportPlan plan, string source)
    {
        var listing = plan.Listing;
        var patients = listing.Scans.Select(scan => scan.Patient).Distinct().Count();
        var kinds = Output.Table("kind", "scans", "files", "without");
        foreach (var kind in listing.Kinds)
        {
            var lacking = listing.Scans.Where(scan => !scan.Images.ContainsKey(kind.Kind)).Select(scan => scan.Name).ToArray();
            kinds.AddRow(
                Output.Text(kind.Kind),
                new Text($"{kind.Files}"),
                Output.Text(string.Join(" ", kind.Patterns.Take(4)) + (kind.Patterns.Count > 4 ? " …" : "")),
                Output.Text(Some(lacking)));
        }

        return new Rows(
        [
            Output.Text($"{source} is laid out as {listing.Layout}: {listing.Sign}"),
            kinds,
            Output.Text(
                $"{listing.Scans.Count} scans of {patients} patients: "
                    + $"{string.Join(", ", plan.Counts().Select(split => $"{split.Key} {split.Value}"))} ({Drawn(plan)})"),
            Output.Text($"intensities: {plan.Recipe.Intensity}; voxels: {Voxels(plan)}"),
            .. listing.LeftOut.Take(MostLeftOut).Select(left => Output.Text($"left out: {left.Path} {left.Why}")),
            .. listing.LeftOut.Count > MostLeftOut
                ? [new Text($"left out: {listing.LeftOut.Count - MostLeftOut} more, which --json and {CohortSheet.FileName} name")]
                : Array.Empty<Text>(),
        ]);
    }

    private static string Voxels(ImportPlan plan)
    {
        var size = plan.Spacing is { } spacing ? FormattableString.Invariant($"{string.Join('×', spacing)} mm") : "as they are";
        if (plan is { Spacing: null, OffGrid: > 0 })
            size += $", but {plan.OffGrid} files of another grid than the finest image of their scan are resampled to it";
        return $"{size}, {(plan.Recipe.Link ? "linked where nothing has to change" : "cut to the head")}";
    }

    private static string Drawn(ImportPlan plan) => plan.Recipe.Split switch
    {
        null when plan.Listing.Scans.Any(scan => scan.Split is not null) => "the source's own splits; who has none is drawn",
        { } file when File.Exists(file) => $"as {file} says",
        var shares => $"{shares ?? "80/10/10"} of the patients, drawn with seed {plan.Recipe.Seed}, few and many lesions in each",
    };

    private static string Some(IReadOnlyList<string> names) =>
        string.Join(", ", names.Take(3)) + (names.Count > 3 ? $" and {names.Count - 3} more" : "");
}
