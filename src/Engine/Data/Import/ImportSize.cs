using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data.Import;

/// <summary>What an import takes at most: each volume as large as its scan, which the head seldom fills.</summary>
/// <param name="Coarsest">Of the scans of which a spacing that was asked for leaves too few voxels the first, or null.</param>
/// <param name="Largest">Voxels of the largest volume, file order.</param>
/// <param name="Bytes">Bytes of all volumes, images in float32 and masks in bytes, before they are packed.</param>
internal sealed record ImportSize(SourceScan? Coarsest, IReadOnlyList<int> Largest, double Bytes)
{
    // the source's volume, the one on the new grid, and what is packed of it
    private const int VolumesAtOnce = 3;

    // along each axis, where the file has as many: of fewer nobody sees a head
    private const int FewestVoxels = 4;

    // what gzip leaves of a head in float32 is more than that
    private const int PackedAtLeast = 8;

    /// <summary>The sizes that a plan leads to.</summary>
    public static ImportSize Of(ImportPlan plan)
    {
        var grids = plan.Listing.Scans.Select(scan => (Scan: scan, plan.Grid(scan).Shape)).ToArray();
        return new ImportSize(
            plan.Recipe.Spacing is null ? null : plan.Listing.Scans.FirstOrDefault(scan => IsTooCoarse(plan, scan)),
            grids.MaxBy(one => Voxels(one.Shape)).Shape,
            grids.Sum(one => Voxels(one.Shape) * one.Scan.Kinds.Sum(kind =>
                ImageKinds.IsMask(kind) ? ScanWriter.MasksOf(plan, kind).Count : (double)sizeof(float))));
    }

    /// <summary>Refuses what cannot be had.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="memory">Bytes of memory of the machine.</param>
    /// <param name="disk">Bytes that are free where the cohort is written.</param>
    /// <exception cref="PlanException">
    /// A volume does not fit into memory, the cohort does not fit onto the disk, or voxels are so large that a few hold the head.
    /// </exception>
    public void Require(ImportPlan plan, long memory, long disk)
    {
        if (Coarsest is not null)
        {
            var own = FileGrid.Oriented(plan.Header(Coarsest, plan.Reference(Coarsest)));
            var extent = string.Join(
                '×', own.Shape.Zip(own.Spacing, (voxels, size) => FormattableString.Invariant($"{voxels * size:0.#}")));
            throw new PlanException($"{What(plan)} leaves {string.Join('×', plan.Grid(Coarsest).Shape)} voxels of {Coarsest.Name}, whose "
                + $"image is {extent} mm large; {Remedy(plan)}.");
        }

        var volume = Voxels(Largest) * sizeof(float);
        if (Voxels(Largest) > Array.MaxLength || VolumesAtOnce * volume > memory)
            throw new PlanException($"{What(plan)} makes volumes of up to {string.Join('×', Largest)} voxels, of which {VolumesAtOnce} at "
                + $"once take {ByteCount.Shown(Whole(VolumesAtOnce * volume))} of memory, and there are {ByteCount.Shown(memory)}; "
                + $"{Remedy(plan)}.");
        if (Bytes / PackedAtLeast > disk)
            throw new PlanException($"{What(plan)} makes {ByteCount.Shown(Whole(Bytes))} of volumes, which take "
                + $"{ByteCount.Shown(Whole(Bytes / PackedAtLeast))} at least when they are packed, and {ByteCount.Shown(disk)} are free; "
                + $"{Remedy(plan)}, or name another disk with --to.");
    }

    private static bool IsTooCoarse(ImportPlan plan, SourceScan scan) =>
        plan.Grid(scan).Shape.Zip(FileGrid.Oriented(plan.Header(scan, plan.Reference(scan))).Shape)
            .Any(axis => axis.First < Math.Min(FewestVoxels, axis.Second));

    private static string What(ImportPlan plan) =>
        plan.Recipe.Spacing is { } spacing ? $"--spacing {ImportRecipe.Words(spacing)}" : "this import";

    private static string Remedy(ImportPlan plan)
    {
        var own = plan.Listing.Scans.Select(scan => FileGrid.Oriented(plan.Header(scan, plan.Reference(scan))).Spacing).ToArray();
        var size = string.Join(
            ' ',
            Enumerable.Range(0, 3).Select(axis => FormattableString.Invariant($"{Median.Of([.. own.Select(one => one[axis])]):0.###}")));
        return plan.Recipe.Spacing is null
            ? "choose larger voxels with --spacing, or import fewer scans at once"
            : $"the files' own voxels are those of --spacing {size}: leave it out, or choose one near that";
    }

    private static double Voxels(IReadOnlyList<int> shape) => shape.Aggregate(1.0, (product, size) => product * size);

    private static long Whole(double bytes) => (long)Math.Min(bytes, long.MaxValue / 2);
}
