using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Trains a compressor; its samples are reconstructions.</summary>
public sealed class CompressionExperiment : Experiment
{
    /// <summary>Describes a plan, and refuses one whose parts cannot be built.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="context">What it is given by the program. Default: nothing but defaults.</param>
    /// <param name="source">What it was read from. Default: no file; the run gets the plan itself.</param>
    public CompressionExperiment(CompressionPlan plan, ExperimentContext? context = null, ExperimentSource? source = null)
        : base(context ?? new ExperimentContext(), source ?? ExperimentSource.Of(plan))
    {
        Plan = plan;
        Description = Placed(() =>
        {
            using var random = ExperimentContext.Random(plan);
            return CompressionDescription.Of(plan, Context.PartsOf(plan, random));
        });
    }

    /// <inheritdoc/>
    public override CompressionPlan Plan { get; }

    /// <summary>Shapes, exact parameter counts, memory.</summary>
    public CompressionDescription Description { get; }

    /// <inheritdoc/>
    public override MemoryEstimate Memory => Description.Memory;

    /// <inheritdoc/>
    public override JsonNode Json => JsonSerializer.SerializeToNode(Description, AtomicFile.Json)!;

    /// <inheritdoc/>
    internal override PlanFacts Facts => PlanFacts.Of(Plan, Description);

    /// <inheritdoc/>
    internal override Experiment Trained(TrainingOptions training) =>
        new CompressionExperiment(Plan with { Training = training }, Context, Source);

    /// <summary>Its epochs are those of its phases, so that the last one takes what is added.</summary>
    public override string TwiceAsLong(RunStatus status) => FormattableString.Invariant(
        $"training.phases.{Plan.Compression.Phases.Count - 1}.epochs={Plan.Compression.Phases[^1].Epochs + Plan.Training.Epochs}");

    /// <inheritdoc/>
    public override IReadOnlyList<WrittenSample> Sample(
        RunFolder run,
        string? folder = null,
        SampleNumbers numbers = SampleNumbers.Continue,
        CancellationToken cancellation = default,
        string checkpoint = EvaluatedOptions.Best) => Placed(() =>
    {
        RunPlugins.Check(Context, run, Plan.Sources);
        if (folder is null)
            run.RequireWritable("sampled from");
        var target = folder ?? run.Samples;
        using var random = ExperimentContext.Random(Plan);
        var parts = Context.PartsOf(Plan, random);
        using var trained = TrainedCompressor.Load(run, Plan, parts, checkpoint, Context.Observer.Warned);
        var volumes = Cohorts.Images(Plan, Cohorts.OpenRecorded(Plan, run), Plan.Sampling.Split);
        var records = new ReconstructionWriter(Plan, trained, volumes, Context.Collective, Context.Observer.Warned)
            .Write(target, cancellation, numbers);
        return (IReadOnlyList<WrittenSample>)
            [.. records.Select(record => new WrittenSample(Path.Combine(target, record.Name), $"reconstruction of {record.Volume}"))];
    });

    /// <inheritdoc/>
    public override TrialVolume Try(RunFolder run, string folder) => Placed(() =>
    {
        using var random = ExperimentContext.Random(Plan);
        using var trained = TrainedCompressor.Load(
            run, Plan, Context.PartsOf(Plan, random), EvaluatedOptions.Best, Context.Observer.Warned);
        using var scope = TorchSharp.torch.NewDisposeScope();
        using var gradient = TorchSharp.torch.no_grad();
        var restored = trained.Model.Finish(trained.Model.Reconstruct(Ball(Plan.Volume).to(trained.Model.Device)));
        return new TrialVolume("a ball that was compressed and restored", TrialVolume.BlocksOf(restored[0, 0]), null);
    });

    /// <summary>A ball of 0.7 that fills most of a volume, <c>[1, 1, D, H, W]</c>.</summary>
    private static TorchSharp.torch.Tensor Ball(VolumeShape shape)
    {
        TorchSharp.torch.Tensor[] axes =
        [
            .. new[] { shape.Depth, shape.Height, shape.Width }.Select(size => TorchSharp.torch.linspace(-1, 1, size)),
        ];
        var squares = TorchSharp.torch.meshgrid(axes, "ij").Select(axis => axis.square()).Aggregate((one, other) => one + other);
        return (squares.lt(Scalars.S(0.64)).to(TorchSharp.torch.float32) * Scalars.S(0.7)).unsqueeze(0).unsqueeze(0);
    }

    /// <inheritdoc/>
    public override EvaluationFile<ReconstructionResult> Evaluate(RunFolder run, CancellationToken cancellation = default) => Placed(() =>
    {
        var changedPlugins = RunPlugins.Check(Context, run, Plan.Sources);
        run.RequireWritable("evaluated");
        using var random = ExperimentContext.Random(Plan);
        var parts = Context.PartsOf(Plan, random);
        var checkpoints = NamedCheckpoint.Open(run, Plan.Evaluation.Checkpoints, Context.Observer.Warned);
        var splits = Evaluated(Cohorts.OpenRecorded(Plan, run), parts);
        TellLeftOut();
        List<ReconstructionResult> results = [];
        foreach (var named in checkpoints)
        {
            using var trained = named.Use(run, Context.Observer.Warned, checkpoint => TrainedCompressor.Load(Plan, parts, checkpoint));
            results.AddRange(splits
                .Select(split => new ReconstructionEvaluator(Plan, trained, split.Volumes, split.Split, Context.Collective))
                .Select(evaluator => evaluator.Run(cancellation) with { Checkpoints = named.Names }));
        }

        var file = new EvaluationFile<ReconstructionResult>
        {
            Experiment = Plan.Id,
            Results = results,
            LeftOut = Plan.LeftOut.Count > 0 ? Plan.LeftOut : null,
            ChangedPlugins = changedPlugins.Count > 0 ? changedPlugins : null,
        };
        Context.Collective.ByFirst(() => RunEvaluation.Write(Context, file, run));
        return file;
    });

    /// <inheritdoc/>
    public override void Report(RunFolder run) => Placed(() =>
    {
        run.RequireWritable("reported on");
        RunPlugins.Tell(Context, run, Plan.Sources);
        CompressionReport.Write(run, Description);
    });

    internal override void RefuseUntrainable(RunFolder? resumed)
    {
        Plan.ValidateNetwork();
        new NetworkChecks(Context).Run(Plan.PerceptualNetwork, Plan.Seen.Height, Plan.Seen.Width);
    }

    internal override void RefuseProcesses(int processes) => CompressionTask.Require(processes);

    internal override void CheckAnimal(bool evaluates, PartContext parts)
    {
        var cohort = Cohorts.OfAnimal(Plan);
        if (evaluates)
            Evaluated(cohort, parts);
        else
            Cohorts.Images(Plan, cohort, Plan.Sampling.Split);
    }

    internal override void CheckCohort(Cohort cohort, PartContext parts)
    {
        Trainer.RequireBatch(Plan.Training, Cohorts.Images(Plan, cohort, Cohort.Train).Count);
        Cohorts.RefuseEmpty(cohort, "sampling", "split", Plan.Sampling.Split);
        Cohorts.Images(Plan, cohort, Plan.Sampling.Split);
        Evaluated(cohort, parts);
    }

    internal override Trainer CreateTrainer(
        Cohort cohort, RunFolder run, PartContext parts, TrainingObserver observer, CancellationToken cancellation)
    {
        var training = Cohorts.Images(Plan, cohort, Cohort.Train, Plan.Crop);
        var validation = cohort.Has(Cohort.Val) ? Cohorts.Images(Plan, cohort, Cohort.Val) : null;
        var task = () => new CompressionTask(Plan, validation, parts, Context.Collective);
        return new Trainer(Plan.Training, training, Plan.Data.Workers, run, observer, task);
    }

    private IReadOnlyList<(string Split, PooledImages Volumes)> Evaluated(Cohort cohort, PartContext parts) =>
        Cohorts.Evaluated(Plan, Plan.Evaluation.SplitsOf(cohort), parts, cohort, split => Cohorts.Images(Plan, cohort, split));
}
