using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Plans;

/// <summary>Refuses metrics that an evaluation could not compute, before the training that it would follow.</summary>
public static class MetricChecks
{
    /// <summary>Builds each metric of a plan and asks whether it can be computed.</summary>
    /// <param name="metrics">The metrics.</param>
    /// <param name="volume">One of the volumes that will be compared, without padding.</param>
    /// <param name="sets">Whether sets of volumes are compared as well.</param>
    /// <param name="masks">Whether it is known where the tumours of the volumes are.</param>
    /// <param name="context">On the device <c>meta</c> no file of a metric is read; on another its networks see a volume of zeros.</param>
    /// <returns>Whether some of them compare sets.</returns>
    /// <exception cref="PlanException">A metric cannot be computed; the message names it.</exception>
    public static bool Refuse(IReadOnlyList<PlannedPart<IMetric>> metrics, VolumeShape volume, bool sets, bool masks, PartContext context)
    {
        Metric[] created =
        [
            .. metrics.Select(planned =>
            {
                var metric = planned.Create(context, (part, options, given) => part.Create(options, given));
                return planned.Call((_, _) => Refuse(planned, metric, volume, sets, masks));
            }),
        ];
        var paired = metrics.Zip(created).Where(pair => pair.Second.Needs == MetricInputKind.PairedVolumes).Select(pair => pair.First.Id);
        if (paired.GroupBy(id => id).FirstOrDefault(ids => ids.Count() > 1) is { } twice)
            throw new PlanException($"`{twice.Key}` is named {twice.Count()} times; name it once, and evaluate again with other options if you need both", "metrics").In("evaluation");
        return created.OfType<SetMetric>().Any();
    }

    private static Metric Refuse(PlannedPart<IMetric> planned, Metric metric, VolumeShape volume, bool sets, bool masks)
    {
        var id = planned.Id;
        if (metric.BestValue is { } best && !double.IsFinite(best))
            throw planned.Unfit($"gives {best} as BestValue, and it has to be a number or none");
        if (metric is SetMetric { NeedsMasks: true } && !masks)
            throw new PlanException($"`{id}` measures tumours by their masks, and nothing here is made from one; add seg to condition.images, or remove it", "metrics");
        if (metric.Needs != MetricInputKind.PairedVolumes && !sets)
            throw new PlanException($"`{id}` compares sets, and reconstructions are compared volume by volume; use metrics such as psnr and ms_ssim", "metrics");
        if (metric.Needs == MetricInputKind.Features)
            throw new PlanException($"`{id}` compares features, and an evaluation has volumes; set its extractor, as in {{use: {id}, extractor: scattering}}", "metrics");
        if (metric.Needs == MetricInputKind.Volumes && metric is not SetMetric)
            throw new PlanException($"`{id}` wants whole sets of volumes at once, which an evaluation does not hold; a metric of sets has to be a {nameof(SetMetric)}", "metrics");
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
