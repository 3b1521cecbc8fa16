using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Tiny;
using VoxelZoo.Engine.Training;

namespace VoxelZoo.Engine.Tests.Experiments;

/// <summary>What a program does that has Engine and no command line.</summary>
public sealed class ExperimentTests : IDisposable
{
    private readonly TinyCohort _cohort = new();
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Test => TestContext.Current.CancellationToken;

    private string Place => Path.Combine(_folder.Path, "run");

    private ExperimentPlan Plan => TinyRun.Plan(_cohort);

    [Fact]
    public void Experiment_is_trained_sampled_and_evaluated_by_three_calls()
    {
        var experiment = new DiffusionExperiment(Plan);

        var (run, status) = experiment.Train(Place, Test);
        var samples = experiment.Sample(run, cancellation: Test);
        var evaluation = experiment.Evaluate(run, Test);
        experiment.Report(run);

        Assert.Equal((RunState.Completed, Plan.Training.Epochs), (status.Status, status.Epoch));
        Assert.Equal(Plan.Sampling.Count, samples.Count);
        Assert.All(samples, sample => Assert.True(File.Exists(Path.Combine(sample.Folder, "sample.json"))));
        Assert.Equal(["val", "test"], evaluation.Results.Select(result => result.Split).Distinct().Order(StringComparer.Ordinal).Reverse());
        Assert.Equal(evaluation.Results.Count, EvaluationFile<EvaluationResult>.Read(run)!.Results.Count);
        Assert.True(File.Exists(run.Report));
        Assert.True(JsonNode.DeepEquals(experiment.Json, JsonNode.Parse(File.ReadAllText(run.Description))));
    }

    [Fact]
    public void Training_that_was_stopped_goes_on_to_the_same_weights()
    {
        var whole = new DiffusionExperiment(Plan).Train(Path.Combine(_folder.Path, "whole"), Test).Run;
        using var stop = new CancellationTokenSource();
        var (run, stopped) = new DiffusionExperiment(Plan, new ExperimentContext { Observer = new Stopping(stop, 1) })
            .Train(Place, stop.Token);

        var status = new DiffusionExperiment(Plan).Resume(run, cancellation: Test);

        Assert.Equal((RunState.TimeLimit, 1L, RunState.Completed), (stopped.Status, stopped.Step, status.Status));
        Assert.Equal(Weights(whole), Weights(run));
    }

    [Fact]
    public void Refusal_names_section_and_key_and_leaves_no_folder()
    {
        var experiment = new DiffusionExperiment(Plan with { Data = Plan.Data with { Cohort = Path.Combine(_folder.Path, "none") } });

        var refusal = Assert.Throws<PlanException>(() => experiment.Train(Place, Test));

        Assert.Equal(("data", "cohort"), (refusal.Section, refusal.Key));
        Assert.False(Directory.Exists(Place));
    }

    [Fact]
    public void Refusal_is_placed_by_what_the_experiment_was_read_from()
    {
        var experiment = new DiffusionExperiment(Plan with { Data = Plan.Data with { Cohort = "" } }, source: new Line());

        var placed = Assert.Throws<FormatException>(() => experiment.Train(Place, Test));

        Assert.StartsWith("line of data.cohort: data.cohort names no folder", placed.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Refusal_of_a_part_at_work_has_no_place_and_leaves_no_folder_before_the_first_step()
    {
        var plan = Plan with { Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new RefusingAtWork())] };
        var experiment = new DiffusionExperiment(plan, source: new Line());

        var refusal = Assert.Throws<PlanException>(() => experiment.Train(Place, Test));

        Assert.Equal((null, "rotation", "not on this grid"), (refusal.Section, refusal.Path, refusal.Message));
        Assert.False(Directory.Exists(Place));
    }

    [Fact]
    public void Rehearsal_says_what_would_be_done_and_makes_nothing()
    {
        var rehearsal = new DiffusionExperiment(Plan).Rehearse(Place);

        Assert.Equal($"would train tiny in {Place}, 2 epochs on cpu", rehearsal.Intent);
        Assert.Equal($"data: {_cohort.Path}: train 4, val 2, test 2 patients", rehearsal.Facts[0]);
        Assert.False(Directory.Exists(Place));
    }

    [Fact]
    public void Rehearsal_of_a_run_says_where_it_would_go_on()
    {
        using var stop = new CancellationTokenSource();
        var (run, _) = new DiffusionExperiment(Plan, new ExperimentContext { Observer = new Stopping(stop, 1) }).Train(Place, stop.Token);

        Assert.Equal(
            $"would continue tiny in {run.Path} after step 1, in epoch 1 of 2 on cpu", new DiffusionExperiment(Plan).Rehearse(run).Intent);
    }

    [Fact]
    public void Borrowed_weights_are_refused_where_no_other_experiments_are_known()
    {
        var draft = TinyRun.Draft(_cohort) with
        {
            Compressor = TinyRun.Part<ICompressor>("compressor", new AffineCompressor()),
            Latent = new() { From = _folder.Path },
            Condition = new ConditionOptions(),
            Architecture = TinyRun.Part<IArchitecture>("architecture", new ConvArchitecture()),
        };
        Directory.CreateDirectory(_folder.Path);
        File.WriteAllText(Path.Combine(_folder.Path, "experiment.yaml"), "id: other\n");

        var refusal = Assert.Throws<PlanException>(() => new DiffusionExperiment(ExperimentPlan.Compose(draft)).Train(Place, Test));

        Assert.Equal(("compressor", "from"), (refusal.Section, refusal.Key));
    }

    private static string Weights(RunFolder run) => run.OpenCheckpoint("latest", _ => { }).Manifest.Files["denoiser.safetensors"].Sha256;

    public void Dispose()
    {
        _cohort.Dispose();
        _folder.Dispose();
    }

    private sealed class Stopping(CancellationTokenSource stop, long after) : ExperimentObserver
    {
        public override TrainingObserver Training(Plan plan) => new AtStep(stop, after);

        private sealed class AtStep(CancellationTokenSource stop, long after) : TrainingObserver
        {
            public override void Stepped(StepFacts facts)
            {
                if (facts.Step == after)
                    stop.Cancel();
            }
        }
    }

    private sealed class RefusingAtWork : IAugmentation<NoOptions>
    {
        public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Working();

        private sealed class Working : Augmentation
        {
            public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, torch.Generator random) =>
                throw new PlanException("not on this grid", "rotation");
        }
    }

    private sealed class Line : ExperimentSource
    {
        public override string Text => "id: tiny\n";

        public override Exception Place(PlanException refusal) =>
            new FormatException($"line of {refusal.Section}.{refusal.Key}: {refusal.Message}", refusal);
    }
}
