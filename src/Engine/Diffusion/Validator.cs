using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>
/// The validation loss: each volume at the same timesteps with the same noise every time, so that two epochs, or two runs,
/// differ by their weights alone. The timesteps that count are quantiles of the law that training draws from, and each counts with the
/// strategy's weight: so it estimates what training makes small. Evenly spread ones besides are for the log alone.
/// </summary>
/// <param name="plan">The plan.</param>
/// <param name="volumes">Volumes to validate on.</param>
/// <param name="collective">The processes that share the volumes among them; by default this one alone.</param>
public sealed class Validator(ExperimentPlan plan, IBatchSource volumes, ICollective? collective = null)
{
    private readonly ICollective _collective = collective ?? SingleProcess.Instance;

    /// <summary>Mean loss over all volumes and timesteps.</summary>
    /// <param name="model">The model; put into evaluation mode for the duration.</param>
    public DiffusionValidation Run(DiffusionModel model)
    {
        using var _ = torch.no_grad();
        var (counting, even) = (model.OfProcess(Strata), Even(plan.Training.LoggedTimesteps ?? plan.Training.ValidationTimesteps));
        var timesteps = counting.Concat(even).ToArray();
        // 0 where another process measures, so that the sums over the processes are what was measured, to the bit
        var (losses, nullLosses) = (new double[volumes.Count * timesteps.Length], new double[volumes.Count * timesteps.Length]);
        model.Train(on: false);
        foreach (var i in _collective.Share(volumes.Count))
        {
            using var sample = volumes.Load(i);
            using var scope = torch.NewDisposeScope();
            var (clean, condition) = model.Encode(sample);
            foreach (var part in Enumerable.Range(0, timesteps.Length).Chunk(AtOnce))
                Measure(
                    model,
                    sample,
                    clean,
                    condition,
                    [.. part.Select(k => new Place(timesteps[k], i * timesteps.Length + k, NoiseOf(i, k, counting.Length, even.Length)))],
                    losses,
                    nullLosses);
        }

        model.Train(on: true);
        _collective.Sum(losses);
        _collective.Sum(nullLosses);
        var weights = Weights(model, counting);
        return new DiffusionValidation(
            Means(losses, timesteps.Length).Zip(weights, (loss, weight) => loss * weight).Average(),
            Means(nullLosses, timesteps.Length).Zip(weights, (loss, weight) => loss * weight).Average(),
            even,
            [.. Means(losses, timesteps.Length).Skip(counting.Length)]);
    }

    /// <summary>Quantiles of the training's law at the centres of equal shares.</summary>
    private double[] Strata(NoiseProcess process)
    {
        var count = plan.Training.ValidationTimesteps;
        return [.. Enumerable.Range(0, count).Select(k => process.TimestepQuantile((k + 0.5) / count))];
    }

    /// <summary>Centres of equal bins of [0, 1000].</summary>
    private static double[] Even(int count) => [.. Enumerable.Range(0, count).Select(k => (k + 0.5) / count * NoiseProcess.Horizon)];

    /// <summary>The weight of the loss at each timestep.</summary>
    private static double[] Weights(DiffusionModel model, double[] timesteps)
    {
        using var scope = torch.NewDisposeScope();
        var weights = model.Losses.Weight(torch.tensor([.. timesteps.Select(t => (float)t)]));
        return weights is null ? [.. timesteps.Select(_ => 1.0)] : [.. weights.data<float>().Select(weight => (double)weight)];
    }

    /// <summary>Means over the volumes, one for each of a volume's timesteps.</summary>
    private IEnumerable<double> Means(double[] losses, int timesteps) =>
        Enumerable.Range(0, timesteps).Select(k => losses.Where((_, place) => place % timesteps == k).Sum() / volumes.Count);

    /// <summary>Each timestep that counts has its own noise, and so has each of the others.</summary>
    private static int NoiseOf(int volume, int k, int counting, int even) =>
        k < counting ? volume * counting + k : volume * even + k - counting;

    /// <summary>
    /// Timesteps of a volume that are computed at once: as many as training computes samples, and two at least, for which libtorch has
    /// faster convolutions than for one.
    /// </summary>
    private int AtOnce => Math.Max(2, plan.Training.BatchSize / plan.Training.GradientAccumulation);

    /// <summary>Measures a volume at some timesteps, each with the noise of its place.</summary>
    private void Measure(
        DiffusionModel model, Batch sample, Tensor clean, ModelCondition condition, IReadOnlyList<Place> at,
        double[] losses, double[] nullLosses)
    {
        using var scope = torch.NewDisposeScope();
        var t = torch.tensor([.. at.Select(one => (float)one.Timestep)], device: model.Device);
        var noise = torch.cat([.. at.Select(one => Noise(clean.shape, one.Noise))]).to(model.Device);
        clean = clean.expand(at.Count, -1, -1, -1, -1);
        var (noisy, target) = model.OfProcess(process => (process.AddNoise(clean, noise, t), process.Target(clean, noise, t)));
        var prediction = model.Predict(noisy, t, condition.Repeat(at.Count));
        var (measured, useless) = (Losses(prediction), Losses(torch.zeros_like(target)));
        for (var n = 0; n < at.Count; n++)
            (losses[at[n].Index], nullLosses[at[n].Index]) = (measured[n], useless[n]);

        float[] Losses(Tensor answer) => (sample.LossWeights is { } weights
            ? model.Losses.Weighted(answer, target, sample.RealSlices, model.Losses.Unpadded(weights.to(model.Device), sample.RealSlices))
            : model.Losses.Of(answer, target, sample.RealSlices)).cpu().data<float>().ToArray();
    }

    private Tensor Noise(long[] shape, int number)
    {
        using var random = new Generator((ulong)RandomStreams.SeedOf(plan.Training.Seed, $"validation/{number}"), torch.CPU);
        return torch.randn(shape, generator: random);
    }

    /// <summary>A measurement.</summary>
    /// <param name="Timestep">0 to 1000.</param>
    /// <param name="Index">Where its losses go.</param>
    /// <param name="Noise">Number of its noise.</param>
    private readonly record struct Place(double Timestep, int Index, int Noise);
}

/// <summary>Outcome of a validation of a denoiser.</summary>
/// <param name="Loss">
/// Mean over volumes and quantiles of the training's law of timesteps, with the strategy's weights: an estimate of the training's loss.
/// </param>
/// <param name="NullLoss">The same for a network that always returns zero: what a useless network scores.</param>
/// <param name="Timesteps">Evenly spread timesteps, 0 to 1000, for the log.</param>
/// <param name="ByTimestep">Mean loss at each of them, without weights.</param>
public sealed record DiffusionValidation(double Loss, double NullLoss, IReadOnlyList<double> Timesteps, IReadOnlyList<double> ByTimestep)
    : Validation(Loss)
{
    /// <summary>The name of <see cref="Validation.Loss"/>'s definition, in files.</summary>
    public const string Law = "training_law";

    /// <inheritdoc/>
    public override string? Measure => Law;

    /// <inheritdoc/>
    public override double? LossOfZero => NullLoss;

    /// <inheritdoc/>
    public override IReadOnlyDictionary<string, double> Measures { get; init; } =
        Timesteps.Zip(ByTimestep)
            .ToDictionary(pair => FormattableString.Invariant($"Timestep/{pair.First / NoiseProcess.Horizon:0.00##}"), pair => pair.Second);
}
