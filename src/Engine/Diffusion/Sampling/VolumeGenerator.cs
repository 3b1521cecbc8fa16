using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Diffusion.Sampling;

/// <summary>Generates volumes one at a time from a model.</summary>
/// <param name="plan">The plan.</param>
/// <param name="model">The model.</param>
/// <param name="judge">Gives what judges samples, where a sampler asks for it; null where there is none.</param>
/// <param name="weaker">The model that predictions are guided away from, where the plan names one.</param>
/// <exception cref="PlanException">The plan names one, and it is not given.</exception>
public sealed class VolumeGenerator(
    ExperimentPlan plan, DiffusionModel model, Func<ISampleJudge>? judge = null, DiffusionModel? weaker = null)
{
    private readonly Guidance _guidance = new(plan.Sampling);
    private readonly DiffusionModel? _weaker = (plan.Sampling is { GuidesByModel: true, StrongestGuidance: > 1 }, weaker) switch
    {
        (false, _) => null,
        (true, { } given) => given,
        (true, null) => throw new PlanException(
            "guidance by a weaker model is of volumes that are sampled or evaluated from a run; use guidance: 1 here",
            "guidance").In("sampling"),
    };
    private readonly Sampler _sampler = plan.Sampler.Create(model.Context, (s, options, given) => s.Create(options, given));

    /// <summary>How many samples the sampler observes before it draws any; of a set and a seed of their own.</summary>
    internal int WarmUpSamples => _sampler.WarmUpSamples;

    /// <summary>Their seed.</summary>
    internal long WarmUpSeed => _sampler.WarmUpSeed;

    /// <summary>What the sampler learned from them, if it learns anything: <see cref="SamplerWarmUp"/>.</summary>
    internal IReadOnlyList<double>? Learned { get; set; }

    /// <summary>SHA-256 of the weights of what judges samples; loads it. Null where there is none.</summary>
    internal string? JudgeSha256 => judge?.Invoke().Sha256;

    /// <summary>Whether the sampler asked what judges samples while it observed some.</summary>
    internal bool ObservedByJudge { get; private set; }

    /// <summary>Generates volume number <paramref name="index"/>; the same seed and index give the same noise on every device.</summary>
    /// <param name="index">Number of the volume, from 0.</param>
    /// <param name="conditions">One patient's images and tumours; those of the condition are used.</param>
    /// <param name="progress">Called after each step of the sampler.</param>
    /// <param name="cancellation">Stops between steps.</param>
    /// <param name="attempt">
    /// Which of the volumes of that number: each has noise of its own, and the first one, 0, is what a sample of the number is.
    /// </param>
    public GeneratedVolume Generate(
        int index, Batch conditions, Action<SamplerStep>? progress = null, CancellationToken cancellation = default, int attempt = 0)
    {
        using var scope = torch.NewDisposeScope();
        var watch = Stopwatch.StartNew();
        var (latent, evaluations, judgements) = GenerateLatent(index, conditions, progress, cancellation, attempt);
        using var _ = torch.no_grad();
        var volume = model.Decode(latent).cpu().MoveToOuterDisposeScope();
        return new GeneratedVolume(index, volume, evaluations, judgements, watch.Elapsed.TotalSeconds);
    }

    /// <summary>
    /// The latent <c>[1, C, d, h, w]</c> of that volume, on the model's device and in the current dispose scope, and how often the network
    /// and the discriminator were called.
    /// </summary>
    internal (Tensor Latent, int FunctionEvaluations, int Judgements) GenerateLatent(
        int index, Batch conditions, Action<SamplerStep>? progress = null, CancellationToken cancellation = default, int attempt = 0)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        model.Train(on: false);
        var condition = model.EncodeCondition(conditions);
        var number = attempt == 0 ? $"{index}" : $"{index}/{attempt}";
        using var noise = new Generator((ulong)RandomStreams.SeedOf(plan.Sampling.Seed, $"noise/{number}"), torch.CPU);
        using var random = new Generator((ulong)RandomStreams.SeedOf(plan.Sampling.Seed, $"sampler/{number}"), torch.CPU);
        var calls = new Calls();
        var task = Task(noise, random, condition, _weaker?.EncodeCondition(conditions), calls, progress, cancellation);
        var latent = plan.Sampler.Checked("samples", plan.Sampler.Run(() => _sampler.Sample(task)), task.Noise.shape, model.Device);
        return (latent.MoveToOuterDisposeScope(), calls.Network, calls.Judge);
    }

    /// <summary>Has the sampler observe a sample without drawing one.</summary>
    /// <param name="index">Number of the sample, from 0.</param>
    /// <param name="conditions">One patient's images and tumours.</param>
    /// <param name="progress">Called after each step.</param>
    /// <param name="cancellation">Stops between steps.</param>
    internal double[] Observe(int index, Batch conditions, Action<SamplerStep>? progress, CancellationToken cancellation)
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        model.Train(on: false);
        using var noise = new Generator((ulong)RandomStreams.SeedOf(WarmUpSeed, $"warm-up/noise/{index}"), torch.CPU);
        using var random = new Generator((ulong)RandomStreams.SeedOf(WarmUpSeed, $"warm-up/sampler/{index}"), torch.CPU);
        var calls = new Calls();
        var observed = plan.Sampler.Run(() => _sampler.Observe(
            Task(noise, random, model.EncodeCondition(conditions), _weaker?.EncodeCondition(conditions), calls, progress, cancellation)));
        ObservedByJudge |= calls.Judge > 0;
        return observed;
    }

    /// <summary>What the sampler makes of its observations.</summary>
    internal double[] Learn(IReadOnlyList<double[]> observations) => plan.Sampler.Given("Learn", () => _sampler.Learn(observations));

    private SamplingTask Task(
        Generator noise, Generator random, ModelCondition condition, ModelCondition? weakerCondition, Calls calls,
        Action<SamplerStep>? progress, CancellationToken cancellation) =>
        new()
        {
            Noise = torch.randn(plan.Shape.Latent.Batch(1), generator: noise).to(model.Device),
            Process = plan.Sampling.TimeShift == 1 ? model.Process : new ShiftedProcess(model.Process, plan.Sampling.TimeShift),
            Random = random,
            Predict = (sample, t) => Predict(sample, t, condition, weakerCondition, calls),
            ClipClean = model.Clip,
            LogDensityRatio = judge is null ? null : (sample, t) =>
            {
                calls.Judge++;
                return judge().LogRatio(sample, t, condition);
            },
            Learned = Learned,
            Progress = step =>
            {
                calls.Count(step, _guidance.StepsAtRest);
                progress?.Invoke(step);
            },
            Cancellation = cancellation,
        };

    /// <summary>One prediction, guided by what the condition changes where and when the plan says so.</summary>
    private Tensor Predict(Tensor sample, double t, ModelCondition condition, ModelCondition? weakerCondition, Calls calls)
    {
        if (calls.IsAtRest(t, _guidance.StepsAtRest))
            return Guidance.AtRest(model.Process, sample, t);
        using var scope = torch.NewDisposeScope();
        var timesteps = torch.full([sample.shape[0]], Scalars.S(t), ScalarType.Float32, sample.device);
        var prediction = model.Predict(sample, timesteps, condition);
        calls.Network++;
        if (_guidance.Applies(t))
        {
            // autoguidance calls a weaker model under the same condition, guidance without a classifier this one without it
            var other = _weaker is null
                ? model.Predict(sample, timesteps, condition.Unconditional())
                : Guidance.InTermsOf(model.Process, _weaker.Process, sample, t, _weaker.Predict(sample, timesteps, weakerCondition!));
            prediction = _guidance.Combine(model.Process, sample, t, prediction, other);
            calls.Network++;
        }

        return prediction.MoveToOuterDisposeScope();
    }

    /// <summary>How often the network and the judge were called, and how far the sampler came at first.</summary>
    private sealed class Calls
    {
        private int _steps;
        private double _reached;

        public int Network { get; set; }

        public int Judge { get; set; }

        /// <summary>Counts a step, of those that are at rest.</summary>
        public void Count(SamplerStep step, int atRest)
        {
            if (_steps < atRest)
                (_steps, _reached) = (_steps + 1, step.Timestep);
        }

        /// <summary>Whether a time lies in the steps that are at rest, also when a sampler comes back to it.</summary>
        public bool IsAtRest(double t, int atRest) => atRest > 0 && (_steps < atRest || t > _reached);
    }
}

/// <summary>A generated volume. It belongs to the dispose scope in which it was made.</summary>
/// <param name="Index">Its number.</param>
/// <param name="Volume">Float32 <c>[1, C, D, H, W]</c> in [0, 1] on the CPU; one channel for each target kind.</param>
/// <param name="FunctionEvaluations">How often the network was called (NFE), counted.</param>
/// <param name="Judgements">How often the discriminator was, each time at the cost of the denoiser's way down.</param>
/// <param name="Seconds">How long it took.</param>
public sealed record GeneratedVolume(int Index, Tensor Volume, int FunctionEvaluations, int Judgements, double Seconds)
{
    /// <summary>Refuses a volume that is to be written and holds what is no number.</summary>
    /// <param name="what">Its name.</param>
    /// <exception cref="NonFiniteVolumeException">It does.</exception>
    internal void RequireFinite(string what)
    {
        if (FiniteValues.Complaint(Volume) is { } complaint)
            throw new NonFiniteVolumeException(
                $"of the generated volume {what}, {complaint}; sample from another checkpoint, or with other values of `sampling`");
    }
}

/// <summary>A model generated a volume that holds what is no number.</summary>
/// <param name="message">One sentence.</param>
public sealed class NonFiniteVolumeException(string message) : Exception(message);
