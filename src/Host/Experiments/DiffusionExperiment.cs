using System.Text.Json;
using System.Text.Json.Nodes;
using Spectre.Console.Rendering;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Files;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reporting;
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

    /// <summary>Diffusion in the space of a compressor with random weights would train, and be worth nothing.</summary>
    public override void CheckTrainable()
    {
        if (Plan.Compressor.Part.IsLearned)
            throw new ConfigurationException(
                File.Locate("compressor"),
                $"the compressor `{Plan.Compressor.Id}` is learned, and this version can neither train nor load one; use identity or space_to_depth");
    }

    /// <inheritdoc/>
    public override Trainer Trainer(Cohort cohort, RunFolder run, PartContext context, TrainingObserver observer)
    {
        var training = Cohorts.Volumes(Plan, cohort, Cohort.Train);
        var validation = cohort.Of(Cohort.Val).Count == 0 ? null : Cohorts.Volumes(Plan, cohort, Cohort.Val);
        return new Trainer(Plan.Training, training, Plan.Data.Workers, run, observer, () => new DiffusionTask(Plan, validation, context));
    }

    /// <inheritdoc/>
    public override void Sample(Session session, RunFolder run, string? folder, CancellationToken cancellation) =>
        SamplingStep.Run(session, this, run, folder, cancellation);

    /// <inheritdoc/>
    public override EvaluationOutcome Evaluate(Session session, RunFolder run, CancellationToken cancellation)
    {
        var result = EvaluationStep.Run(session, this, run, cancellation);
        return new EvaluationOutcome(JsonSerializer.SerializeToNode(result, AtomicFile.Json)!, EvaluationTable.Of(result));
    }

    /// <inheritdoc/>
    public override void Report(RunFolder run) => RunReport.Write(run, _description);
}
