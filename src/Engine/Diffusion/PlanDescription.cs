using System.Text.Json.Serialization;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>
/// What <c>describe</c> tells of a plan: shapes, exact parameter counts, memory. Nothing of the size of the model is allocated.
/// </summary>
public sealed record PlanDescription
{
    private const int Float32 = 4, BFloat16 = 2;

    /// <summary>The experiment's id.</summary>
    public required string Id { get; init; }

    /// <summary>Its title.</summary>
    public required string Title { get; init; }

    /// <summary>The architecture's id.</summary>
    public required string Architecture { get; init; }

    /// <summary>The compressor's id.</summary>
    public required string Compressor { get; init; }

    /// <summary>
    /// Whether the compressor is fixed and yet does not give volumes back as they were; an evaluation measures by how much.
    /// </summary>
    public bool LossyCompressor { get; init; }

    /// <summary>The strategy's id.</summary>
    public required string Strategy { get; init; }

    /// <summary>The sampler's id.</summary>
    public required string Sampler { get; init; }

    /// <summary>The generated kinds, joined by <c>+</c>.</summary>
    public required string Target { get; init; }

    /// <summary>The kinds of the image condition.</summary>
    public required IReadOnlyList<string> Condition { get; init; }

    /// <summary>The target, <c>[1, C, D, H, W]</c>.</summary>
    public required long[] InputShape { get; init; }

    /// <summary>The target in the space of diffusion.</summary>
    public required long[] LatentShape { get; init; }

    /// <summary>Channels into the network: noisy target and image condition.</summary>
    public required int ModelInputChannels { get; init; }

    /// <summary>Channels out of the network.</summary>
    public required int ModelOutputChannels { get; init; }

    /// <summary>Tokens of a transformer's sequence, or null.</summary>
    public long? Tokens { get; init; }

    /// <summary>Exact parameter counts.</summary>
    public required ParameterCounts Parameters { get; init; }

    /// <summary>Estimated memory of training.</summary>
    public required MemoryEstimate Memory { get; init; }

    /// <summary>What the user should know, one sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>How it is trained.</summary>
    public required TrainingOptions Training { get; init; }

    /// <summary>What is generated and measured while it is trained; missing where nothing is.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public GenerationFacts? Generation { get; init; }

    /// <summary>Describes a plan, and refuses it if a part cannot be built or an expectation does not hold.</summary>
    /// <exception cref="PlanException">A part refuses its options, or <c>expect</c> does not hold.</exception>
    public static PlanDescription Of(ExperimentPlan plan, PartContext context)
    {
        using var scope = torch.NewDisposeScope();
        var meta = context with { Device = new torch.Device(DeviceType.META) };
        // strategy and augmentations are built with it: what they refuse is better known now than after training
        using var model = DiffusionModel.Create(plan, meta);
        Rehearse(plan.Sampler, model, plan, context);
        if (plan.Generation is { } generation)
            Rehearse(generation.Sampler, model, plan with { Sampling = generation.Sampling }, context);
        var counts = new ParameterCounts(Count(model.Denoiser), model.Conditioning is { } c ? Count(c) : 0, model.CompressorParameters)
        {
            Controlnet = model.Control is { } control ? Count(control) : null,
            Adapter = model.Adapter?.Numbers,
        };
        if (plan.Expect.Parameters is { } expected && expected != counts.Denoiser)
            throw new PlanException(
                $"the denoiser has {counts.Denoiser:N0} parameters, expected are {expected:N0}; "
                + "correct the architecture's options or the expectation",
                "parameters").In("expect");

        if (plan.Training.AugmentedDiffusion && model.LatentPrefixes.Count == 0)
            throw new PlanException(
                $"augmented_diffusion needs a structured latent, which `{plan.Compressor.Id}` with these options has not; "
                + "remove it or choose a structured preset",
                "augmented_diffusion").In("training");
        PlanChecks.RefuseWeights(plan, context);
        BatchSplit.Require(plan.Training, processes: 1);
        foreach (var (planned, augmentation) in plan.Augmentations.Zip(model.Augmentations))
            RefuseMixing(plan, planned.Id, augmentation);

        if (!MetricChecks.Refuse(plan.Metrics, plan.Compared, sets: true, plan.HasMasks, meta)
            && plan.Generation is not null
            && plan.LeftOut.Count == 0)
            throw new PlanException(
                "generate makes volumes that no metric would judge; add one of sets to evaluation.metrics, such as {use: kid, extractor: "
                + "scattering}, or remove it",
                "generate").In("evaluation");
        if (plan.Generation is { Sampling.Count: 1 })
            MetricChecks.RefuseFew(plan.Metrics, plan.Compared, 1,
                context with { Device = torch.CPU }); // one volume is no set for most metrics
        if (plan.TrainingGeneration is { } watched)
            RefuseGeneration(plan, watched, model, context);
        plan.EvaluatedTimesteps(model.Process);
        var facts = plan.Architecture.Given("Describe", (a, options) => a.Describe(options, plan.Shape));
        if (plan.Training.GradientCheckpointing && facts.CheckpointedElements is null)
            throw new PlanException(
                $"the architecture `{plan.Architecture.Id}` has no gradient checkpointing; remove it",
                "gradient_checkpointing").In("training");
        return new PlanDescription
        {
            Id = plan.Id,
            Title = plan.Title,
            Architecture = plan.Architecture.Id,
            Compressor = plan.Compressor.Id,
            LossyCompressor = plan.Space.LosesUnmeasured,
            Strategy = plan.Strategy.Id,
            Sampler = plan.Sampler.Id,
            Target = string.Join('+', plan.Target),
            Condition = plan.Condition.Images,
            InputShape = plan.Shape.Volume.Batch(1),
            LatentShape = plan.Shape.Latent.Batch(1),
            ModelInputChannels = plan.Shape.InputChannels,
            ModelOutputChannels = plan.Shape.Latent.Channels,
            Tokens = facts.Tokens,
            Parameters = counts,
            Memory = MemoryOf(plan, counts, facts),
            Training = plan.Training,
            Generation = plan.TrainingGeneration is { } generated ? GenerationFacts.Of(generated) : null,
            Warnings = [.. PlanChecks.Warnings(plan)],
        };
    }

    /// <summary>Makes a sampler and has it sample one voxel with a network that says nothing: what it refuses, it refuses now.</summary>
    private static Sampler Rehearse(
        PlannedPart<ISampler> planned, DiffusionModel model, ExperimentPlan plan, PartContext context, Action? judged = null)
    {
        var sampler = planned.Create(context, (s, options, given) => s.Create(options, given));
        planned.Given("Sample", (_, _) => Rehearse(sampler, model, plan, judged)).Dispose();
        return sampler;
    }

    private static torch.Tensor? Rehearse(Sampler sampler, DiffusionModel model, ExperimentPlan plan, Action? judged = null)
    {
        if (plan.Sampling.GuidanceZero)
            RefuseOtherThanFlow(model.Process, plan.Strategy.Id);
        using var random = new torch.Generator(0, torch.CPU);
        SamplerStep? told = null;
        var shifted = plan.Sampling.TimeShift == 1 ? null : new ShiftedProcess(model.Process, plan.Sampling.TimeShift);
        var sample = sampler.Sample(new SamplingTask
        {
            Noise = torch.zeros([1, plan.Shape.Latent.Channels, 1, 1, 1]),
            Process = shifted ?? model.Process,
            Predict = (noisy, _) =>
            {
                if (shifted is { GridWasAsked: false })
                    throw new PlanException(
                        $"time_shift {plan.Sampling.TimeShift} shifts the strategy's time grid, "
                        + $"but `{plan.Sampler.Id}` takes steps of its own choice; use time_shift: 1 or a sampler with steps",
                        "time_shift");
                return torch.zeros_like(noisy);
            },
            Random = random,
            LogDensityRatio = (noisy, _) => Judged() is not null
                ? torch.zeros(noisy.shape[0])
                : throw new PlanException(
                    $"`{plan.Sampler.Id}` judges samples by the denoiser's features, and `{plan.Architecture.Id}` shows none; "
                    + "use unet3d, or another sampler",
                    "use"),
            ClipClean = plan.Compressor.Part.IsLearned ? null : clean => clean.alias(),
            Progress = step => told = step,
        });
        if (plan.Sampling.GuidanceLaw is { ZeroInit: > 0 })
            RefuseRest(plan.Sampling, told?.Total, plan.Sampler.Id);
        return sample;

        int? Judged()
        {
            judged?.Invoke();
            return model.FeatureChannels;
        }
    }

    /// <summary>
    /// Refuses what could not be generated or measured while the plan is trained: what goes wrong then ends
    /// nothing, and would be seen late.
    /// </summary>
    private static void RefuseGeneration(ExperimentPlan plan, TrainingGeneration watched, DiffusionModel model, PartContext context)
    {
        var asks = false;
        var sampler = Rehearse(watched.Sampler, model, plan with { Sampling = watched.Sampling }, context, () => asks = true);
        if (asks || sampler.WarmUpSamples > 0)
            throw new PlanException(
                $"`{watched.Sampler.Id}` needs what is learned of a trained run, and training.generation samples one under training; "
                + "use another sampler there, such as euler",
                "use").In("training.generation");
        if (watched.Metrics.Count == 0)
            throw new PlanException(
                "metrics names none, and the first one decides which checkpoint generates best; "
                + "name one of sets, such as {use: kid, extractor: scattering}",
                "metrics").In("training.generation");
        var meta = context with { Device = new torch.Device(DeviceType.META) };
        try
        {
            MetricChecks.Refuse(watched.Metrics, plan.Compared, sets: true, plan.HasMasks, meta);
            if (watched.Metrics.FirstOrDefault(
                metric => metric.Create(meta, (part, options, given) => part.Create(options, given)) is not SetMetric) is { } paired)
                throw new PlanException(
                    $"`{paired.Id}` compares volume by volume, and generated volumes have no real ones of their own; "
                    + "name metrics of sets, such as kid",
                    "metrics");
        }
        catch (PlanException e)
        {
            throw new PlanException(e.Message, "metrics").In("training.generation");
        }
    }

    /// <summary>CFG-Zero* scales and stops velocities of straight paths; along others x itself shrinks or grows on the way.</summary>
    private static void RefuseOtherThanFlow(NoiseProcess process, string strategy)
    {
        const double halfway = NoiseProcess.Horizon / 2;
        if (Math.Abs(process.Alpha(halfway) + process.Sigma(halfway) - 1) > 1e-6)
            throw new PlanException(
                $"guidance_zero is of rectified flow, x = (1 − τ)·x0 + τ·ε, and the paths of `{strategy}` are not straight; "
                + "remove it or use rflow",
                "guidance_zero");
    }

    private static void RefuseRest(SamplingOptions sampling, int? steps, string sampler)
    {
        var still = sampling.GuidanceLaw!.ZeroInit;
        if (steps is null)
            throw new PlanException(
                $"guidance_zero_init {still} counts steps, but `{sampler}` takes steps of its own choice; "
                + "use guidance_zero_init: 0 or a sampler with steps",
                sampling.RestKey);
        if (steps <= still)
            throw new PlanException(
                $"guidance_zero_init {still} lets every step stand still, of which there are {steps}; lower it or take more steps",
                sampling.RestKey);
    }

    private static void RefuseMixing(ExperimentPlan plan, string id, Augmentation augmentation)
    {
        if (augmentation.MixesSamples && plan.Training.BatchSize < 2)
            throw new PlanException(
                $"`{id}` mixes the samples of a batch, and batch_size is {plan.Training.BatchSize}; use 2 or more, or remove it",
                "batch_size").In("training");
        if (augmentation.MixesSamples && plan.Condition.Modalities is not null)
            throw new PlanException($"`{id}` mixes samples, and modalities cannot be mixed; remove one of the two",
                "modalities").In("condition");
        if (augmentation.MixesSamples && plan.Condition.SizeBins is not null)
            throw new PlanException(
                $"`{id}` mixes samples, and numbers of tumours cannot be mixed; remove one of the two", "size_bins").In("condition");
    }

    internal static MemoryEstimate MemoryOf(ExperimentPlan plan, ParameterCounts counts, DenoiserFacts facts)
    {
        var trained = counts.Trained;
        var frozen = counts.Compressor + (counts.Controlnet is null ? 0 : counts.Denoiser);
        var copies = (plan.Training.Ema is null ? 1 : 2) + (plan.Training.EmaLengths?.Count ?? 0);
        var bytes = plan.Training.BatchSize / plan.Training.GradientAccumulation
            * (plan.Training.Precision == Precision.Bfloat16 ? BFloat16 : Float32);
        return new MemoryEstimate(
            (trained * copies + frozen) * Float32,
            trained * Float32,
            2 * trained * Float32,
            (plan.Training.GradientCheckpointing ? facts.CheckpointedElements : facts.ActivationElements) * bytes);
    }

    private static long Count(torch.nn.Module module) => module.parameters().Sum(p => p.numel());
}

/// <summary>What is generated and measured while an experiment is trained.</summary>
/// <param name="Every">After every so many epochs.</param>
/// <param name="Count">Volumes.</param>
/// <param name="Sampler">The sampler's id.</param>
/// <param name="Split">
/// The split whose conditions and volumes are used; null for val, or train where val has fewer than two patients.
/// </param>
/// <param name="Metrics">The metrics of sets; the first one decides which checkpoint is <c>best_generation</c>.</param>
public sealed record GenerationFacts(int Every, int Count, string Sampler, string? Split, IReadOnlyList<string> Metrics)
{
    internal static GenerationFacts Of(TrainingGeneration generation) => new(
        generation.Options.Every, generation.Sampling.Count, generation.Sampler.Id, generation.Options.Split,
        [.. generation.Metrics.Select(metric => metric.Id)]);
}
