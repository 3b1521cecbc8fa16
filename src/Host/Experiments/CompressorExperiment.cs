using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console.Rendering;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Compression;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>Trains a compressor; its samples are reconstructions.</summary>
internal sealed class CompressorExperiment : Experiment
{
    private readonly CompressionDescription _description;

    private CompressorExperiment(MapNode file, CompressionPlan plan, CompressionDescription description)
        : base(file) => (Plan, _description) = (plan, description);

    /// <inheritdoc/>
    public override CompressionPlan Plan { get; }

    /// <summary>Its epochs are those of its phases, so that the last one takes what is added.</summary>
    public override string TwiceAsLong(RunStatus status) => FormattableString.Invariant(
        $"training.phases.{Plan.Compression.Phases.Count - 1}.epochs={Plan.Compression.Phases[^1].Epochs + Plan.Training.Epochs}");

    /// <inheritdoc/>
    public override MemoryEstimate Memory => _description.Memory;

    /// <inheritdoc/>
    public override JsonNode Json => JsonSerializer.SerializeToNode(_description, AtomicFile.Json)!;

    /// <inheritdoc/>
    public override IRenderable Facts => CompressionTable.Of(_description);

    /// <summary>Reads and describes the plan.</summary>
    public static CompressorExperiment Read(Session session, MapNode file)
    {
        var plan = new CompressionPlanReader(session.Registry).Read(file);
        using var random = session.Random(plan);
        return new CompressorExperiment(file, plan, SectionReader.Checked(file, () => CompressionDescription.Of(plan, session.Context(plan, random))));
    }

    /// <inheritdoc/>
    public override void CheckTrainable() => SectionReader.Checked(File, () =>
    {
        Plan.ValidateNetwork();
        NetworkTrial.Run(Plan);
        return Plan;
    });

    /// <inheritdoc/>
    protected override void RefuseProcesses(int processes) => CompressionTask.Require(processes);

    /// <inheritdoc/>
    public override void CheckCohort(Cohort cohort, PartContext context)
    {
        Engine.Training.Trainer.RequireBatch(Plan.Training, Cohorts.Images(Plan, cohort, Cohort.Train).Count);
        Cohorts.RefuseEmpty(cohort, "sampling", "split", Plan.Sampling.Split);
        Cohorts.Images(Plan, cohort, Plan.Sampling.Split);
        Evaluated(cohort, context);
    }

    private IReadOnlyList<(string Split, PooledImages Volumes)> Evaluated(Cohort cohort, PartContext context) =>
        Cohorts.Evaluated(Plan, Plan.Evaluation.SplitsOf(cohort), context, cohort, split => Cohorts.Images(Plan, cohort, split));

    /// <inheritdoc/>
    public override Trainer Trainer(Cohort cohort, RunFolder run, PartContext context, ICollective collective, TrainingObserver observer, CancellationToken cancellation)
    {
        var training = Cohorts.Images(Plan, cohort, Cohort.Train, Plan.Crop);
        var validation = cohort.Of(Cohort.Val).Count == 0 ? null : Cohorts.Images(Plan, cohort, Cohort.Val);
        return new Trainer(Plan.Training, training, Plan.Data.Workers, run, observer, () => new CompressionTask(Plan, validation, context, collective));
    }

    /// <inheritdoc/>
    public override void Sample(Session session, RunFolder run, string? folder, SampleNumbers numbers, CancellationToken cancellation)
    {
        var target = folder ?? run.Samples;
        using var random = session.Random(Plan);
        using var trained = TrainedCompressor.Load(run, Plan, session.Context(Plan, random), "best", EvaluationStep.Warn);
        var volumes = SectionReader.Checked(File, () => Cohorts.Images(Plan, Cohorts.OpenRecorded(Plan, run), Plan.Sampling.Split));
        foreach (var record in new ReconstructionWriter(Plan, trained, volumes, session.Collective).Write(target, cancellation, numbers))
            Console.WriteLine($"{Places.Shown(Path.Combine(target, record.Name))}: reconstruction of {record.Volume}");
    }

    /// <inheritdoc/>
    public override EvaluationOutcome Evaluate(Session session, RunFolder run, CancellationToken cancellation)
    {
        using var random = session.Random(Plan);
        var context = session.Context(Plan, random);
        var checkpoints = NamedCheckpoint.Open(run, Plan.Evaluation.Checkpoints, EvaluationStep.Warn);
        var splits = SectionReader.Checked(File, () => Evaluated(Cohorts.OpenRecorded(Plan, run), context));
        List<ReconstructionResult> results = [];
        foreach (var (names, checkpoint) in checkpoints)
        {
            using var trained = TrainedCompressor.Load(Plan, context, checkpoint);
            results.AddRange(splits.Select(split => new ReconstructionEvaluator(Plan, trained, split.Volumes, split.Split, session.Collective).Run(cancellation) with { Checkpoints = names }));
        }

        var result = new EvaluationFile<ReconstructionResult> { Experiment = Plan.Id, Results = results };
        session.Collective.ByFirst(() => EvaluationStep.Write(result, run));
        return new EvaluationOutcome(JsonSerializer.SerializeToNode(result, AtomicFile.Json)!, EvaluationTable.Of(result));
    }

    /// <inheritdoc/>
    public override void Report(RunFolder run) => CompressionReport.Write(run, _description);
}
