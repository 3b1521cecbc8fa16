using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;

namespace VoxelZoo.Engine.Diffusion.Sampling;

/// <summary>
/// What volumes are generated from, by their numbers: patients of a split in turn, but for numbers of tumours that are asked for instead.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="patients">The patients.</param>
/// <param name="law">Draws numbers of tumours, where the plan wants that; null otherwise.</param>
internal sealed class SampleConditions(ExperimentPlan plan, CohortDataset patients, SizeBinLaw? law)
{
    /// <summary>The condition of a volume, which the caller disposes.</summary>
    public Batch Load(int number)
    {
        var condition = patients.Load(number % patients.Count);
        if (plan.Sampling.Bins is { } asked)
            condition.AskFor(asked);
        else if (plan.Sampling.BinsFrom == SizeBinSource.Law)
            condition.AskFor(Law.Draw(plan.Sampling.Seed, number));
        return condition;
    }

    private SizeBinLaw Law =>
        law ?? throw new ArgumentNullException(nameof(law), "the plan draws numbers of tumours, and there is no law to draw by");

    /// <summary>The patient whose images, or numbers of tumours, are the condition; null where it is nobody's.</summary>
    public string? PatientOf(int number)
    {
        var isPatients = plan.Condition.Images.Count > 0 || (plan.Condition.SizeBins is not null && !plan.Sampling.AsksForBins);
        return isPatients ? patients.Patients[number % patients.Count] : null;
    }

    /// <summary>The numbers of tumours by size that a mask is asked for, or null where it is asked for none.</summary>
    public static IReadOnlyList<int>? RequestedOf(ExperimentPlan plan, Batch condition) =>
        plan.Condition.SizeBins is null ? null : [.. condition.SizeBins!.data<long>().Select(count => (int)count)];
}
