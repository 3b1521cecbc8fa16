using TorchSharp;
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
            throw new PlanException(
                $"`{twice.Key}` is named {twice.Count()} times; name it once, and evaluate again with other options if you need both",
                "metrics").In("evaluation");
        return created.OfType<SetMetric>().Any();
    }

    /// <summary>
    /// Refuses metrics of sets that have no value of so few generated volumes, when the plan is made: each is tried with volumes of noise.
    /// One that reads files or masks, or has no value of more of them either, is not known of before it is evaluated.
    /// </summary>
    /// <param name="metrics">The metrics.</param>
    /// <param name="volume">One of the volumes that will be compared, without padding.</param>
    /// <param name="generated">How many are going to be generated.</param>
    /// <param name="context">On the CPU.</param>
    /// <exception cref="PlanException">A metric has none; the message names it.</exception>
    public static void RefuseFew(IReadOnlyList<PlannedPart<IMetric>> metrics, VolumeShape volume, int generated, PartContext context)
    {
        using var scope = torch.NewDisposeScope();
        using var gradient = torch.no_grad();
        using var random = new torch.Generator(0, torch.CPU);
        torch.Tensor[] noise = [.. Enumerable.Range(0, generated + 1).Select(_ => torch.rand(volume.Batch(1), generator: random))];
        foreach (var planned in metrics.Where(metric => metric.Given("Networks", (part, options) => part.Networks(options)).Count == 0))
        {
            if (planned.Create(context, (part, options, given) => part.Create(options, given)) is SetMetric { NeedsMasks: false } metric
                && WhyFew(planned, metric, noise) is { } why)
                throw Few(planned.Id, generated, why);
        }
    }

    /// <summary>The refusal of a metric that has no value of so few volumes.</summary>
    internal static PlanException Few(string id, int generated, string why) => new PlanException(
        $"`{id}` has no value of {generated} generated volume{(generated == 1 ? "" : "s")}: {why}; generate more, or remove it from "
            + $"evaluation.metrics",
        "generate.count").In("evaluation");

    private static string? WhyFew(PlannedPart<IMetric> planned, SetMetric metric, torch.Tensor[] noise)
    {
        try
        {
            torch.Tensor[] features = [.. noise.Select(volume => planned.Given("Features", () => metric.Features(volume)))];
            var real = FeatureSet.Of(features);
            return Why(real) is null ? Why(FeatureSet.Of(features[..^1])) : null;

            string? Why(FeatureSet generated)
            {
                try
                {
                    planned.Given("Compare", () => metric.FixedBy(real)?.Compare(real, generated));
                    return null;
                }
                catch (PartFailedException e) when (e.InnerException is ArgumentException refusal)
                {
                    return refusal.Message.TrimEnd('.');
                }
            }
        }
        catch (PartFailedException e) when (e.InnerException is ArgumentException)
        {
            return null; // noise is nothing that it has features of
        }
    }

    private static Metric Refuse(PlannedPart<IMetric> planned, Metric metric, VolumeShape volume, bool sets, bool masks)
    {
        var id = planned.Id;
        if (metric.BestValue is { } best && !double.IsFinite(best))
            throw planned.Unfit($"gives {best} as BestValue, and it has to be a number or none");
        if (metric is SetMetric { NeedsMasks: true } && !masks)
            throw new PlanException(
                $"`{id}` measures tumours by their masks, and nothing here is made from one; add seg to condition.images, or remove it",
                "metrics");
        if (metric.Needs != MetricInputKind.PairedVolumes && !sets)
            throw new PlanException(
                $"`{id}` compares sets, and reconstructions are compared volume by volume; use metrics such as psnr and ms_ssim",
                "metrics");
        if (metric.Needs == MetricInputKind.Features)
            throw new PlanException(
                $"`{id}` compares features, and an evaluation has volumes; set its extractor, as in {{use: {id}, extractor: scattering}}",
                "metrics");
        if (metric.Needs == MetricInputKind.Volumes && metric is not SetMetric)
            throw new PlanException(
                $"`{id}` wants whole sets of volumes at once, which an evaluation does not hold; "
                + $"a metric of sets has to be a {nameof(SetMetric)}",
                "metrics");
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
