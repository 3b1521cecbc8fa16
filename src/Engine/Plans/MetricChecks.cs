using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Plans;

/// <summary>Refuses metrics that an evaluation could not compute, before the training that it would follow.</summary>
public static class MetricChecks
{
    /// <summary>Builds each metric of a plan and asks whether it can be computed.</summary>
    /// <param name="metrics">The metrics.</param>
    /// <param name="volume">One of the volumes that will be compared, without padding.</param>
    /// <param name="context">On the device <c>meta</c> no file of a metric is read; on another its networks see a volume of zeros.</param>
    /// <exception cref="PlanRefusedException">A metric cannot be computed; the message names it.</exception>
    public static void Refuse(IReadOnlyList<PlannedPart<IMetric>> metrics, VolumeShape volume, PartContext context)
    {
        foreach (var planned in metrics)
            planned.Call((part, options) => Refuse(planned.Id, part.Create(options, context), volume));
    }

    private static Metric Refuse(string id, Metric metric, VolumeShape volume)
    {
        if (metric.Needs != MetricInputKind.PairedVolumes)
            throw new PlanException($"`{id}` compares sets of features, and an evaluation compares volume by volume; use metrics such as psnr and ms_ssim here, and the verb `metric` for it", "metrics");
        try
        {
            metric.Check(volume);
            return metric;
        }
        catch (ArgumentException e)
        {
            throw new PlanException($"`{id}` cannot be computed on volumes of {volume}: {e.Message}", "metrics");
        }
    }
}
