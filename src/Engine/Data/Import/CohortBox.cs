namespace VoxelZoo.Engine.Data.Import;

/// <summary>
/// The box that all volumes of a cohort are cut to: it holds every head, is square in plane, and networks can halve its rows and columns.
/// </summary>
/// <param name="Plan">What is to be done.</param>
/// <param name="Shape">Voxels in file order, or null where each scan keeps its own grid.</param>
internal sealed record CohortBox(ImportPlan Plan, IReadOnlyList<int>? Shape)
{
    // networks halve rows and columns a few times
    private const int Multiple = 16;

    /// <summary>The smallest one of some scans.</summary>
    public static CohortBox Of(ImportPlan plan, IReadOnlyCollection<ScanSurvey> surveys)
    {
        int Extent(int axis) => surveys.Max(survey => survey.Last[axis] - survey.First[axis] + 1);
        var plane = (Math.Max(Extent(0), Extent(1)) + Multiple - 1) / Multiple * Multiple;
        return new CohortBox(plan, plan.Recipe.Link ? null : [plane, plane, Extent(2)]);
    }

    /// <summary>The grid of a scan's volumes: around the head's middle.</summary>
    public FileGrid GridOf(ScanSurvey survey)
    {
        var grid = Plan.Grid(survey.Scan);
        // >> rounds down also where the box begins before the first voxel
        return Shape is null
            ? grid
            : grid.Cut([.. Shape.Select((size, axis) => (survey.First[axis] + survey.Last[axis] + 1 - size) >> 1)], Shape);
    }
}
