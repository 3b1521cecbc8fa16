using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console.Rendering;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.OneRun;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Training;
using VoxelZoo.Host.Configuration;

namespace VoxelZoo.Host.Experiments;

/// <summary>Trains a denoiser and generates volumes with it.</summary>
internal sealed class DiffusionExperiment : Experiment
{
    private readonly PlanDescription _description;

    private DiffusionExperiment(MapNode file, ExperimentPlan plan, PlanDescription description)
        : base(file) => (Plan, _description) = (plan, description);

    /// <inheritdoc/>
    public override ExperimentPlan Plan { get; }

    /// <inheritdoc/>
    public override MemoryEstimate Memory => _description.Memory;

    /// <inheritdoc/>
    public override JsonNode Json => JsonSerializer.SerializeToNode(_description, AtomicFile.Json)!;

    /// <inheritdoc/>
    public override IRenderable Facts => DescriptionTable.Of(_description);

    /// <summary>Reads and describes the plan.</summary>
    public static DiffusionExperiment Read(Session session, MapNode file)
    {
        var plan = new PlanReader(session.Registry).Read(file);
        using var random = session.Random(plan);
        return new DiffusionExperiment(file, plan, SectionReader.Checked(file, () => PlanDescription.Of(plan, session.Context(plan, random))));
    }

    /// <inheritdoc/>
    public override IReadOnlyList<string> Warnings => _description.Warnings;

    /// <summary>Diffusion in the space of a compressor with random weights would train, and be worth nothing.</summary>
    public override void CheckTrainable()
    {
        foreach (var borrowed in BorrowedWeights.Of(this))
            borrowed.Check();
        if (Plan is { Space.KeepsLatents: true, Data.Latents: { } latents })
            SectionReader.Checked(File, () => LatentCache.RefuseForeign(latents)); // a compressor may have to be trained first, for days
    }

    /// <inheritdoc/>
    public override void CheckCohort(Cohort cohort, PartContext context)
    {
        // whether the training split can be read, which is said first; not all of its masks
        Engine.Training.Trainer.RequireBatch(Plan.Training, Cohorts.Volumes(Plan with { Data = Plan.Data with { PositiveOnly = false } }, cohort, Cohort.Train).Count);
        Cohorts.RefuseEmpty(cohort, "sampling", "split", Plan.Sampling.Split);
        Cohorts.Volumes(Plan, cohort, Plan.Sampling.Split);
        Evaluated(cohort, context);
    }

    /// <summary>The volumes that the run is evaluated on.</summary>
    /// <exception cref="PlanRefusedException">There are none, or the metrics cannot be computed on them.</exception>
    public IReadOnlyList<(string Split, CohortDataset Volumes)> Evaluated(Cohort cohort, PartContext context) =>
        Cohorts.Evaluated(Plan, Plan.Evaluation.SplitsOf(cohort), context, cohort, split => Cohorts.Volumes(Plan, cohort, split));

    /// <summary>The volumes that generated ones are compared with: those of the training split, and of the splits that are evaluated.</summary>
    public IReadOnlyList<(string Split, CohortDataset Volumes)> References(Cohort cohort, IReadOnlyList<(string Split, CohortDataset Volumes)> evaluated) =>
        evaluated.Any(split => split.Split == Cohort.Train) ? evaluated : [(Cohort.Train, Cohorts.Volumes(Plan, cohort, Cohort.Train)), .. evaluated];

    /// <inheritdoc/>
    public override void Borrow(Session session, Cohort cohort, RunFolder run, CancellationToken cancellation)
    {
        foreach (var borrowed in BorrowedWeights.Of(this))
            borrowed.Take(session, cohort, run, cancellation);
    }

    /// <inheritdoc/>
    public override void CheckBorrowed(Session session, RunFolder run)
    {
        foreach (var borrowed in BorrowedWeights.Of(this))
            borrowed.Check(session, run);
    }

    /// <summary>Computes the latents of a cohort into a folder that runs may share.</summary>
    /// <returns>How many volumes it holds.</returns>
    public int PrepareLatents(string folder, PartContext context, CancellationToken cancellation)
    {
        var cohort = Cohorts.Open(Plan, null);
        var (training, validation) = Splits(cohort);
        var weights = Directory.CreateTempSubdirectory("voxelzoo-");
        try
        {
            var frozen = new FrozenParts(weights.FullName);
            foreach (var borrowed in BorrowedWeights.Of(this))
                borrowed.Adopt(frozen);
            LatentStep.Prepare(Plan, folder, frozen, cohort, training, validation, context, cancellation);
            return training.Count + (validation?.Count ?? 0);
        }
        finally
        {
            weights.Delete(recursive: true);
        }
    }

    /// <inheritdoc/>
    public override Trainer Trainer(Cohort cohort, RunFolder run, PartContext context, ICollective collective, TrainingObserver observer, CancellationToken cancellation)
    {
        var (training, validation) = Splits(cohort);
        var frozen = new FrozenParts(run);
        var (samples, validated) = collective.FirstThenOthers(
            () => LatentStep.Prepare(Plan, Plan.Data.Latents ?? run.Latents, frozen, cohort, training, validation, context, cancellation));
        return new Trainer(Plan.Training, samples, Plan.Data.Workers, run, observer, () => new DiffusionTask(Plan, validated, context, frozen, collective))
        {
            SkippedPatients = training.Skipped.Count + (validation?.Skipped.Count ?? 0),
        };
    }

    /// <summary>The volumes to train on, and those to validate on where the cohort has any.</summary>
    private (CohortDataset Training, CohortDataset? Validation) Splits(Cohort cohort) => (
        Cohorts.Volumes(Plan, cohort, Cohort.Train),
        cohort.Of(Cohort.Val).Count == 0 ? null : Cohorts.Volumes(Plan, cohort, Cohort.Val));

    /// <inheritdoc/>
    public override void Sample(Session session, RunFolder run, string? folder, SampleNumbers numbers, CancellationToken cancellation) =>
        SamplingStep.Run(session, this, run, folder, numbers, cancellation);

    /// <inheritdoc/>
    public override EvaluationOutcome Evaluate(Session session, RunFolder run, CancellationToken cancellation)
    {
        var result = EvaluationStep.Run(session, this, run, cancellation);
        return new EvaluationOutcome(JsonSerializer.SerializeToNode(result, AtomicFile.Json)!, EvaluationTable.Of(result));
    }

    /// <inheritdoc/>
    public override void Report(RunFolder run) => RunReport.Write(run, _description);
}
