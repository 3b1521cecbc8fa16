using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion.Evaluation;

/// <summary>
/// How near a model's one-step estimates of clean volumes come to the real ones, from the plan's timesteps with the same noise each time.
/// </summary>
internal sealed class OneStepEstimates
{
    private readonly ExperimentPlan _plan;
    private readonly DiffusionModel _model;
    private readonly CohortDataset _volumes;
    private readonly int _count;
    private readonly (string Id, PlannedPart<IMetric> Part, Metric Metric)[] _metrics;
    private readonly IReadOnlyList<double> _timesteps;
    private readonly RegionalErrors _regions;
    private readonly Dictionary<string, string?> _extractors = [];
    private readonly bool _losesUnmeasured;

    // without a timestep: of what the compressor makes of real volumes
    private readonly Dictionary<(string Metric, double? Timestep), double[]> _values;

    /// <summary>Prepares the plan's paired metrics.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="model">The model, in evaluation mode.</param>
    /// <param name="volumes">The volumes.</param>
    /// <param name="count">How many of them, from the first on.</param>
    public OneStepEstimates(ExperimentPlan plan, DiffusionModel model, CohortDataset volumes, int count)
    {
        (_plan, _model, _volumes, _count) = (plan, model, volumes, count);
        _metrics =
        [
            .. plan.Metrics
                .Select(m => (m.Id, Part: m, Metric: m.Create(model.Context, (part, options, given) => part.Create(options, given))))
                .Where(m => m.Metric.Needs == MetricInputKind.PairedVolumes),
        ];
        _timesteps = plan.EvaluatedTimesteps(model.Process);
        _regions = new RegionalErrors(count, _timesteps);
        _losesUnmeasured = plan.Space.LosesUnmeasured;
        double?[] places = [.. _timesteps, .. _losesUnmeasured ? [null] : Array.Empty<double?>()];
        // 0 where another process measures, so that the sums over the processes are what was measured
        _values = places.SelectMany(timestep => _metrics.Select(metric => (Metric: metric.Id, Timestep: timestep)))
            .ToDictionary(key => key, _ => new double[count]);
    }

    /// <summary>Measures a volume.</summary>
    public void Add(int volume)
    {
        using var sample = _volumes.Load(volume);
        var classes = Classes(sample);
        foreach (var timestep in _timesteps)
        {
            using var scope = torch.NewDisposeScope();
            var (real, estimate) = Estimate(sample, timestep, volume);
            Measure(timestep, volume, real, estimate);
            if (classes is not null)
                _regions.Add(volume, timestep, classes, real, estimate);
        }

        if (!_losesUnmeasured)
            return;
        using var all = torch.NewDisposeScope();
        var (volumes, reconstruction) = Compared(sample, _model.Encode(sample).Clean);
        Measure(null, volume, volumes, reconstruction);
    }

    private void Measure(double? timestep, int volume, Tensor real, Tensor made)
    {
        foreach (var (id, part, metric) in _metrics)
        {
            var result = part.OfPair(metric, real, made);
            _values[(id, timestep)][volume] = result.Values[0];
            _extractors[id] = result.Extractor;
        }
    }

    /// <summary>Brings together what several processes measured.</summary>
    public void Sum(ICollective collective)
    {
        _regions.Sum(collective);
        foreach (var measured in _values.Values)
            collective.Sum(measured);
    }

    /// <summary>Each metric at each timestep.</summary>
    public IReadOnlyList<EstimateQuality> Qualities() =>
    [
        .. from measured in _values
           where measured.Key.Timestep is not null
           select Quality(measured.Key.Metric, measured.Key.Timestep!.Value, measured.Value),
    ];

    /// <summary>Each metric of what the compressor makes of real volumes; empty unless it is fixed and lossy.</summary>
    public IReadOnlyList<EstimateQuality> Reconstructions() =>
        [.. _values.Where(measured => measured.Key.Timestep is null).Select(measured => Quality(measured.Key.Metric, 0, measured.Value))];

    /// <summary>Errors in tumours at each timestep.</summary>
    public IReadOnlyList<RegionalError> Regions() => _regions.Results();

    private EstimateQuality Quality(string metric, double timestep, double[] measured)
    {
        var values = MetricValues.Of(metric, measured, [.. _volumes.Patients.Take(_count)]);
        return new EstimateQuality(metric, timestep, values.Mean, values.Values)
        {
            Extractor = _extractors.GetValueOrDefault(metric),
            Reason = values.Reason,
        };
    }

    /// <summary>Which voxels are tumour, by size, or null where no masks are read.</summary>
    private int[]? Classes(Batch sample)
    {
        using var scope = torch.NewDisposeScope();
        return sample.Images.TryGetValue(ImageKinds.Seg, out var mask)
            ? RegionalErrors.Classes(mask.narrow(2, 0, sample.RealSlices[0]), _volumes.Spacing)
            : null;
    }

    /// <summary>The real target and the one-step estimate of it, <c>[1, C, D, H, W]</c> in [0, 1], without padding slices.</summary>
    private (Tensor Real, Tensor Estimate) Estimate(Batch sample, double timestep, int volume)
    {
        using var _ = torch.no_grad();
        var (clean, condition) = _model.Encode(sample);
        using var random = new Generator((ulong)RandomStreams.SeedOf(_plan.Training.Seed, $"evaluation/{volume}/{timestep:R}"), torch.CPU);
        var noise = torch.randn(clean.shape, generator: random).to(_model.Device);
        var t = torch.full([1], Scalars.S(timestep), ScalarType.Float32, _model.Device);
        var noisy = _model.OfProcess(process => process.AddNoise(clean, noise, t));
        var prediction = _model.Predict(noisy, t, condition);
        return Compared(sample, _model.OfProcess(process => process.Clean(noisy, prediction, t)));
    }

    /// <summary>The real target and what is decoded of a latent, without padding slices.</summary>
    private (Tensor Real, Tensor Decoded) Compared(Batch sample, Tensor latent)
    {
        using var _ = torch.no_grad();
        var real = torch.cat([.. _plan.Target.Select(kind => sample.Images[kind])], 1);
        return (real.narrow(2, 0, sample.RealSlices[0]), _model.Decode(latent).cpu().narrow(2, 0, sample.RealSlices[0]));
    }
}
