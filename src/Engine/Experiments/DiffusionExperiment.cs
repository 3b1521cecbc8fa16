using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.MaskMeasures;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Diffusion.Rejection;
using VoxelZoo.Engine.Diffusion.Sampling;
using VoxelZoo.Engine.Diffusion.Sweeps;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Trains a denoiser and generates volumes with it.</summary>
public sealed class DiffusionExperiment : Experiment
{
    /// <summary>Describes a plan, and refuses one whose parts cannot be built.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="context">What it is given by the program. Default: nothing but defaults.</param>
    /// <param name="source">What it was read from. Default: no file; the run gets the plan itself.</param>
    public DiffusionExperiment(ExperimentPlan plan, ExperimentContext? context = null, ExperimentSource? source = null)
        : base(context ?? new ExperimentContext(), source ?? ExperimentSource.Of(plan))
    {
        Plan = plan;
        Description = Placed(() =>
        {
            using var random = ExperimentContext.Random(plan);
            return PlanDescription.Of(plan, Context.PartsOf(plan, random));
        });
    }

    /// <inheritdoc/>
    public override ExperimentPlan Plan { get; }

    /// <summary>Shapes, exact parameter counts, memory.</summary>
    public PlanDescription Description { get; }

    /// <inheritdoc/>
    public override MemoryEstimate Memory => Description.Memory;

    /// <inheritdoc/>
    public override JsonNode Json => JsonSerializer.SerializeToNode(Description, AtomicFile.Json)!;

    /// <inheritdoc/>
    internal override PlanFacts Facts => PlanFacts.Of(Plan, Description);

    /// <inheritdoc/>
    internal override Experiment Trained(TrainingOptions training) =>
        new DiffusionExperiment(Plan with { Training = training }, Context, Source);

    /// <inheritdoc/>
    public override IReadOnlyList<string> Warnings => Description.Warnings;

    /// <summary>Computes the latents of its cohort into a folder that runs may share.</summary>
    /// <returns>How many volumes it holds.</returns>
    public int PrepareLatents(string folder, CancellationToken cancellation = default) => Placed(() =>
    {
        using var random = ExperimentContext.Random(Plan);
        var parts = Context.PartsOf(Plan, random);
        var cohort = Cohorts.Open(Plan, null);
        var (training, validation) = Splits(cohort);
        var weights = Directory.CreateTempSubdirectory("voxelzoo-");
        try
        {
            var frozen = new FrozenParts(weights.FullName);
            foreach (var borrowed in BorrowedWeights.Of(this))
                borrowed.Adopt(frozen);
            Prepare(folder, frozen, cohort, training, validation, parts, cancellation);
            return training.Count + (validation?.Count ?? 0);
        }
        finally
        {
            weights.Delete(recursive: true);
        }
    });

    /// <inheritdoc/>
    public override IReadOnlyList<WrittenSample> Sample(
        RunFolder run,
        string? folder = null,
        SampleNumbers numbers = SampleNumbers.Continue,
        CancellationToken cancellation = default,
        string checkpoint = EvaluatedOptions.Best) => Placed(() =>
    {
        var changedPlugins = RunPlugins.Check(Context, run, Plan.Sources);
        if (folder is null)
            run.RequireWritable("sampled from");
        using var random = ExperimentContext.Random(Plan);
        using var trained = Trained(run, Context.PartsOf(Plan, random), checkpoint);
        var cohort = Cohorts.OpenRecorded(Plan, run);
        var conditions = Cohorts.Conditions(Plan, cohort, run.IsAnimals, Plan.Sampling.Split);
        var writer = new SampleWriter(
            Plan, trained, conditions, () => Discriminator.Load(Plan, trained), Context.Collective,
            Context.Observer.Warned, LawOf(cohort, Plan.Sampling))
        {
            ChangedPlugins = trained.With(changedPlugins),
        };
        var target = folder ?? run.Samples;
        var records = Context.Observer.Sampling(Plan, progress => writer.Write(target, progress, cancellation, numbers));
        return (IReadOnlyList<WrittenSample>)[.. records.Select(record => new WrittenSample(
            Path.Combine(target, record.Name),
            FormattableString.Invariant($"{record.FunctionEvaluations} network evaluations, {record.Seconds:F1} s{Tumours(record)}")))];

        static string Tumours(SampleRecord record) => record is { RequestedBins: { } asked, MeasuredBins: { } found }
            ? $"; asked for {string.Join(',', asked)} tumours, has {string.Join(',', found)}"
            : "";
    });

    /// <inheritdoc/>
    public override TrialVolume Try(RunFolder run, string folder)
    {
        var (sampling, kind) = (Plan.Sampling, Plan.Target[0]);
        var one = new DiffusionExperiment(Plan with { Sampling = sampling with { Count = 1 } }, Context, Source);
        var sample = one.Sample(run, folder, SampleNumbers.Replace)[0];
        using var volume = NiftiFile.Read(Path.Combine(sample.Folder, $"{kind}.nii.gz")).ToTensor();
        return new TrialVolume(
            FormattableString.Invariant($"{kind} 00000 of seed {sampling.Seed} by {Plan.Sampler.Id}"), TrialVolume.BlocksOf(volume[0]),
            Path.Combine(sample.Folder, SampleFolder.PictureName));
    }

    /// <summary>
    /// Writes samples once more on the grids that their patients had before they were imported, into the folder <c>native</c> of each; of
    /// several processes the first does it.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="samples">The samples.</param>
    public void WriteNative(RunFolder run, IReadOnlyList<WrittenSample> samples) => Placed(() => Context.Collective.ByFirst(() =>
    {
        var native = new NativeVolumes(Cohorts.OpenRecorded(Plan, run), Plan.Data.Normalization);
        foreach (var sample in samples)
            native.Write(sample.Folder);
    }));

    /// <summary>The law of the training split's masks, where numbers of tumours are drawn by it; else null.</summary>
    internal SizeBinLaw? LawOf(Cohort cohort, SamplingOptions sampling) =>
        sampling.BinsFrom == SizeBinSource.Law ? SizeBinLaw.Of(Cohorts.Volumes(Plan, cohort, Cohort.Train)) : null;

    /// <inheritdoc/>
    public override EvaluationFile<EvaluationResult> Evaluate(RunFolder run, CancellationToken cancellation = default) =>
        Placed(() => new RunEvaluation(this, run).Run(cancellation));

    /// <summary>
    /// Trains the discriminator by which <c>diffrs</c> rejects samples of a run's best checkpoint; the plan's sampler draws the generated
    /// volumes.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="epochs">How often each volume is seen.</param>
    /// <param name="cancellation">Ends it; the run has no discriminator then.</param>
    public DiscriminatorManifest TrainDiscriminator(RunFolder run, int epochs, CancellationToken cancellation = default) => Placed(() =>
    {
        var changedPlugins = RunPlugins.Check(Context, run, Plan.Sources);
        run.RequireWritable("given a discriminator");
        using var random = ExperimentContext.Random(Plan);
        using var trained = TrainedModel.Load(run, Plan, Context.PartsOf(Plan, random), EvaluatedOptions.Best, Context.Observer.Warned);
        var cohort = Cohorts.OpenRecorded(Plan, run);
        var validation = cohort.Has(Cohort.Val) ? Cohorts.Volumes(Plan, cohort, Cohort.Val) : null;
        return new DiscriminatorTrainer(Plan, trained) { ChangedPlugins = changedPlugins }.Run(
            epochs, Cohorts.Volumes(Plan, cohort, Cohort.Train), validation,
            (done, total) => Context.Observer.Told($"generated {done}/{total}"),
            epoch => Context.Observer.Told(epoch.Describe(epochs)),
            cancellation);
    });

    /// <summary>Opens a run for a sweep of samplers. What cannot be is refused, and nothing is written.</summary>
    /// <param name="run">The run.</param>
    /// <param name="request">What is asked for.</param>
    /// <param name="first">One of the configurations, by which the request is tried.</param>
    public SamplerSweep OpenSweep(RunFolder run, SweepRequest request, SolverConfiguration first) => Placed(() =>
    {
        var swept = SamplerSweep.PlanOf(Plan, Context.Parts, first, request.SamplerBy);
        var isDescribed =
            Plan.Generation is null && Plan.Sampler.Id == swept.Sampler.Id && Plan.Sampler.Options.Equals(swept.Sampler.Options);
        return new SamplerSweep(isDescribed ? this : new DiffusionExperiment(swept, Context, Source), run, request);
    });

    /// <inheritdoc/>
    public override void Report(RunFolder run) => Placed(() =>
    {
        run.RequireWritable("reported on");
        RunPlugins.Tell(Context, run, Plan.Sources);
        RunReport.Write(run, Description);
    });

    /// <summary>
    /// A run's model as sampling has it: the average of the length that was chosen, and beside it the weaker
    /// model that it is guided away from.
    /// </summary>
    /// <param name="run">The run.</param>
    /// <param name="parts">What the model is given.</param>
    /// <param name="checkpoint">One of the run's.</param>
    /// <param name="sampling">How volumes are generated, where not as <c>sampling</c> says.</param>
    internal TrainedModel Trained(RunFolder run, PartContext parts, string checkpoint, SamplingOptions? sampling = null) =>
        run.UseCheckpoint(checkpoint, Context.Observer.Warned, opened => Trained(run, parts, opened, sampling));

    /// <inheritdoc cref="Trained(RunFolder, PartContext, string, SamplingOptions?)"/>
    internal TrainedModel Trained(RunFolder run, PartContext parts, Checkpoint checkpoint, SamplingOptions? sampling = null)
    {
        var trained = TrainedModel.Load(run, Plan, parts, checkpoint, Plan.Sampling.EmaLength, Context.Observer.Warned);
        try
        {
            new WeakerModel(this, sampling ?? Plan.Sampling).LoadBeside(trained);
            return trained;
        }
        catch
        {
            trained.Dispose();
            throw;
        }
    }

    /// <summary>Diffusion in the space of a compressor with random weights would train, and be worth nothing.</summary>
    internal override void RefuseUntrainable(RunFolder? resumed)
    {
        foreach (var borrowed in BorrowedWeights.Of(this).Where(borrowed => !borrowed.IsIn(resumed)))
            borrowed.Check();
        if (WarmStart.Of(this) is { } start && !start.IsIn(resumed))
            start.Check();
        if (Plan.Training.Perceptual?.Network is { } network)
        {
            PerceptualLoss.Require(network);
            new NetworkChecks(Context).Run(network, Plan.Data.Height, Plan.Data.Width);
        }

        if (Plan.Training.Freeze is { } frozen)
        {
            using var model = OnMeta();
            FrozenParameters.Freeze(model.Denoiser, frozen);
        }

        if (Plan is { Sampling.EmaLength: { } length, Training.EmaLengths: null })
            throw new PlanException(
                $"ema_length {length.ToString(System.Globalization.CultureInfo.InvariantCulture)} is put together from averages that "
                + "training keeps, and it keeps none; name some in training.ema_lengths, such as [0.05, 0.1]",
                "ema_length").In("sampling");
        if (Plan is { Space.KeepsLatents: true, Data.Latents: { } latents })
            LatentCache.RefuseForeign(latents); // a compressor may have to be trained first, for days
    }

    /// <summary>The model without memory for its weights, whose names and shapes can be asked for.</summary>
    internal DiffusionModel OnMeta()
    {
        using var random = ExperimentContext.Random(Plan);
        return DiffusionModel.Create(
            Plan, Context.PartsOf(Plan, random) with { Device = new TorchSharp.torch.Device(TorchSharp.DeviceType.META) });
    }

    internal override void CheckCohort(Cohort cohort, PartContext parts)
    {
        // whether the training split can be read, which is said first; not all of its masks
        var all = Plan with { Data = Plan.Data with { PositiveOnly = false } };
        Trainer.RequireBatch(Plan.Training, Cohorts.Volumes(all, cohort, Cohort.Train).Count);
        PlanChecks.RefusePlateauWithoutValidation(Plan.Training, cohort.Has(Cohort.Val));
        Cohorts.RefuseEmpty(cohort, "sampling", "split", Plan.Sampling.Split);
        Cohorts.Volumes(Plan, cohort, Plan.Sampling.Split);
        if (Plan.Generation is { } generation)
            Cohorts.RefuseEmpty(cohort, "evaluation", "generate.split", generation.Sampling.Split);
        Evaluated(cohort, parts);
        if (Plan.TrainingGeneration is not { } meanwhile)
            return;
        new NetworkChecks(Context).Run(meanwhile.Metrics);
        Cohorts.RefuseEmpty(cohort, "training.generation", "split", SplitOf(meanwhile, cohort));
        Cohorts.Volumes(Plan, cohort, SplitOf(meanwhile, cohort));
    }

    /// <summary>The volumes that the run is evaluated on.</summary>
    /// <exception cref="PlanException">There are none, or the metrics cannot be computed on them.</exception>
    internal IReadOnlyList<(string Split, CohortDataset Volumes)> Evaluated(Cohort cohort, PartContext parts) =>
        Cohorts.Evaluated(Plan, Plan.Evaluation.SplitsOf(cohort), parts, cohort, split => Cohorts.Volumes(Plan, cohort, split));

    internal override void CheckAnimal(bool evaluates, PartContext parts)
    {
        var cohort = Cohorts.OfAnimal(Plan);
        if (!evaluates)
        {
            Cohorts.Conditions(Plan, cohort, isAnimals: true, Plan.Sampling.Split);
            return;
        }

        Cohorts.RequireWhole(Plan, cohort);
        Evaluated(cohort, parts);
        if (Plan.Generation is { } generation)
            Cohorts.RefuseEmpty(cohort, "evaluation", "generate.split", generation.Sampling.Split);
    }

    internal override void Borrow(Cohort cohort, RunFolder run, bool allowChangedData, CancellationToken cancellation)
    {
        foreach (var borrowed in BorrowedWeights.Of(this))
            borrowed.Take(cohort, run, allowChangedData, cancellation);
        WarmStart.Of(this)?.Take(run);
    }

    internal override void CheckBorrowed(RunFolder run)
    {
        foreach (var borrowed in BorrowedWeights.Of(this))
            borrowed.Check(run);
        WarmStart.Of(this)?.Check(run);
    }

    internal override Trainer CreateTrainer(
        Cohort cohort, RunFolder run, PartContext parts, TrainingObserver observer, CancellationToken cancellation)
    {
        var (training, validation) = Splits(cohort);
        var frozen = new FrozenParts(run);
        var (samples, validated) = Context.Collective.FirstThenOthers(
            () => Prepare(Plan.Data.Latents ?? run.Latents, frozen, cohort, training, validation, parts, cancellation));
        if (Plan.Condition.Modalities is not null)
        {
            samples = Cohorts.Modalities(Plan, cohort, Cohort.Train);
            validated = validation is null ? null : Cohorts.Modalities(Plan, cohort, Cohort.Val);
        }

        var task = () => new DiffusionTask(Plan, validated, parts, frozen, Context.Collective, Meter(cohort, training, validation));
        return new Trainer(Plan.Training, samples, Plan.Data.Workers, run, observer, task)
        {
            SkippedPatients = training.Skipped.Count + (validation?.Skipped.Count ?? 0),
        };
    }

    internal override IReadOnlyList<double> TimeSamples(
        Cohort cohort, RunFolder run, PartContext parts, int count, CancellationToken cancellation)
    {
        if (count == 0)
            return [];
        using var model = DiffusionModel.Create(Plan, parts, new FrozenParts(run));
        var generator = new VolumeGenerator(Plan, model);
        if (generator.WarmUpSamples > 0)
            throw new PlanException(
                $"{Plan.Sampler.Id} learns from a trained run before it samples, and here is none; measure with another sampler",
                "use").In("sampling");
        using var conditions = Cohorts.Conditions(Plan, cohort, run.IsAnimals, Plan.Sampling.Split).Load(0);
        return [.. Enumerable.Range(0, count).Select(index =>
        {
            using var scope = TorchSharp.torch.NewDisposeScope();
            return generator.Generate(index, conditions, cancellation: cancellation).Seconds;
        })];
    }

    /// <summary>
    /// What measures the volumes that the model generates while it is trained. It reads those that are read anyway, and caches none anew.
    /// </summary>
    private GenerationMeter? Meter(Cohort cohort, CohortDataset training, CohortDataset? validation)
    {
        if (Plan.TrainingGeneration is not { } generation)
            return null;
        var split = SplitOf(generation, cohort);
        var law = generation.Sampling.BinsFrom == SizeBinSource.Law ? SizeBinLaw.Of(training) : null;
        return new GenerationMeter(Plan, split == Cohort.Train ? training : validation!, split, law);
    }

    /// <summary>The split that generated volumes are measured by. One volume is no set to compare with.</summary>
    private static string SplitOf(TrainingGeneration generation, Cohort cohort) =>
        generation.Options.Split ?? (cohort.Of(Cohort.Val).Count > 1 ? Cohort.Val : Cohort.Train);

    /// <inheritdoc cref="LatentCache.Prepare"/>
    private (IBatchSource Training, IBatchSource? Validation) Prepare(
        string folder,
        FrozenParts frozen,
        Cohort cohort,
        CohortDataset training,
        CohortDataset? validation,
        PartContext parts,
        CancellationToken stop)
    {
        var cache = new LatentCache(folder, Plan.Space, parts, frozen);
        return Context.Observer.Encoding(
            Plan.Compressor.Id, progress => cache.Prepare(cohort, training, validation, progress, stop, Context.Observer.Warned));
    }

    /// <summary>The volumes to train on, and those to validate on where the cohort has any.</summary>
    private (CohortDataset Training, CohortDataset? Validation) Splits(Cohort cohort) => (
        Cohorts.Volumes(Plan, cohort, Cohort.Train),
        cohort.Has(Cohort.Val) ? Cohorts.Volumes(Plan, cohort, Cohort.Val) : null);
}
