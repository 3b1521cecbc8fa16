using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion.Evaluation;

/// <summary>
/// Judges a trained model on volumes it has not seen: its loss, and how near its one-step estimate of the clean volume comes
/// to the real one from several noise levels.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="trained">The model.</param>
/// <param name="volumes">The volumes.</param>
/// <param name="split">The split that they are from.</param>
/// <param name="collective">The processes that share the volumes among them; by default this one alone.</param>
public sealed class Evaluator(ExperimentPlan plan, TrainedModel trained, CohortDataset volumes, string split, ICollective? collective = null)
{
    private readonly ICollective _collective = collective ?? SingleProcess.Instance;

    /// <summary>Evaluates all volumes.</summary>
    /// <param name="progress">Called with the number of volumes done and in all.</param>
    /// <param name="cancellation">Stops between volumes.</param>
    public EvaluationResult Run(Action<int, int>? progress = null, CancellationToken cancellation = default)
    {
        var validation = new Validator(plan, volumes, _collective).Run(trained.Model);
        trained.Model.Train(on: false);
        var metrics = plan.Metrics.Select(m => (m.Id, Part: m, Metric: m.Call((part, options) => part.Create(options, trained.Model.Context))))
            .Where(m => m.Metric.Needs == MetricInputKind.PairedVolumes).ToArray();
        var regions = new RegionalErrors(volumes.Count, plan.Evaluation.Timesteps);
        var extractors = new Dictionary<string, string?>();
        // 0 where another process measures, so that the sums over the processes are what was measured
        var values = plan.Evaluation.Timesteps.SelectMany(timestep => metrics.Select(metric => (Metric: metric.Id, Timestep: timestep)))
            .ToDictionary(key => key, _ => new double[volumes.Count]);
        _collective.Together(() =>
        {
            foreach (var i in _collective.Share(volumes.Count))
            {
                cancellation.ThrowIfCancellationRequested();
                using var sample = volumes.Load(i);
                var classes = Classes(sample);
                foreach (var timestep in plan.Evaluation.Timesteps)
                {
                    using var scope = torch.NewDisposeScope();
                    var (real, estimate) = Estimate(sample, timestep, i);
                    foreach (var (id, part, metric) in metrics)
                    {
                        var result = part.Run(() => metric.Compute(real, estimate));
                        values[(id, timestep)][i] = result.Values.Single();
                        extractors[id] = result.Extractor;
                    }

                    if (classes is not null)
                        regions.Add(i, timestep, classes, real, estimate);
                }

                progress?.Invoke(i + 1, volumes.Count);
            }
        });
        regions.Sum(_collective);
        foreach (var measured in values.Values)
            _collective.Sum(measured);

        return new EvaluationResult
        {
            Checkpoint = trained.Checkpoint.Name,
            Weights = trained.Weights,
            WeightsSha256 = trained.Sha256,
            Split = split,
            Volumes = volumes.Count,
            Loss = validation.Loss,
            NullLoss = validation.NullLoss,
            LossMeasure = validation.Measure,
            LossByTimestep = [.. validation.Timesteps.Zip(validation.ByTimestep, (t, loss) => new TimestepLoss(t, loss))],
            Estimates = [.. values.Select(v => Quality(v.Key.Metric, v.Key.Timestep, v.Value, extractors.GetValueOrDefault(v.Key.Metric)))],
            Regions = regions.Results(),
        };
    }

    private EstimateQuality Quality(string metric, double timestep, double[] measured, string? extractor)
    {
        var values = MetricValues.Of(metric, measured, volumes.Patients);
        return new EstimateQuality(metric, timestep, values.Mean, values.Values) { Extractor = extractor, Reason = values.Reason };
    }

    /// <summary>Which voxels are tumour, by size, or null where no masks are read.</summary>
    private int[]? Classes(Batch sample)
    {
        using var scope = torch.NewDisposeScope();
        return sample.Images.TryGetValue(ImageKinds.Seg, out var mask) ? RegionalErrors.Classes(mask.narrow(2, 0, sample.RealSlices[0]), volumes.Spacing) : null;
    }

    /// <summary>The real target and the model's one-step estimate of it, <c>[1, C, D, H, W]</c> in [0, 1], without padding slices.</summary>
    private (Tensor Real, Tensor Estimate) Estimate(Batch sample, double timestep, int volume)
    {
        using var _ = torch.no_grad();
        var model = trained.Model;
        var (clean, condition) = model.Encode(sample);
        using var random = new Generator((ulong)RandomStreams.SeedOf(plan.Training.Seed, $"evaluation/{volume}/{timestep:R}"), torch.CPU);
        var noise = torch.randn(clean.shape, generator: random).to(model.Device);
        var t = torch.full([1], Scalars.S(timestep), ScalarType.Float32, model.Device);
        var noisy = model.OfProcess(process => process.AddNoise(clean, noise, t));
        var prediction = model.Predict(noisy, t, condition);
        var estimate = model.Decode(model.OfProcess(process => process.Clean(noisy, prediction, t))).cpu();
        var real = torch.cat([.. plan.Target.Select(kind => sample.Images[kind])], 1);
        return (real.narrow(2, 0, sample.RealSlices[0]), estimate.narrow(2, 0, sample.RealSlices[0]));
    }
}
