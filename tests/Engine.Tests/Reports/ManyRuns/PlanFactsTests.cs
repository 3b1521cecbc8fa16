using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Tests.Compression;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Reports.ManyRuns;

/// <summary>What training records of a plan for reports, and what they find in a run of before it did.</summary>
public sealed class PlanFactsTests : IDisposable
{
    private readonly TinyCohort _cohort = new();
    private readonly TemporaryFolder _folder = new();

    private string At(string name) => Path.Combine(_folder.Path, name);

    private ExperimentFacts Told() => Assert.Single(ReportFacts.Read([_folder.Path], new ByTheirIds()).Runs).Experiment;

    public void Dispose()
    {
        _folder.Dispose();
        _cohort.Dispose();
    }

    [Fact]
    public void ControlNet_is_told_by_the_plan_whatever_the_file_says()
    {
        var plan = ExperimentPlan.Compose(TinyRun.Draft(_cohort, new ModulatedArchitecture()) with
        {
            Compressor = PlannedPart.Of<ICompressor>(new IdentityCompressor()),
            Condition = new ConditionOptions { Images = [ImageKinds.T1Pre], Control = new ControlNetOptions() },
        });
        using var random = new RandomStreams(1);
        var run = MadeUpRun.Create(At("run"), loss: 1).Folder;

        PlanFacts.Of(plan, PlanDescription.Of(plan, TinyRun.Context(plan, random))).Write(run);

        Assert.Equal(("pixel + ControlNet", "bravo from t1_pre", 2L), (Told().Type, Told().Mode, Told().Parameters));
    }

    [Fact]
    public void Denoiser_is_told_alike_by_the_record_of_its_plan_and_by_the_files_of_a_run_that_has_none()
    {
        var draft = TinyRun.Draft(_cohort, new ConvArchitecture());
        var plan = ExperimentPlan.Compose(draft with
        {
            Compressor = PlannedPart.Of<ICompressor>(new IdentityCompressor()),
            Condition = draft.Condition with { Coordinates = true },
            Augmentations = [TinyRun.Part<IAugmentation>("augmentations", new SecondTerm(1))],
            Training = draft.Training with { Ema = new EmaOptions() },
        });

        var run = new DiffusionExperiment(plan).Train(At("run"), TestContext.Current.CancellationToken).Run;

        Assert.Equal(
            ("pixel + SecondTerm + EMA", "8×8×8", "bravo from t1_pre, coordinates", "ConvArchitecture"),
            (Told().Type, Told().Resolution, Told().Mode, Told().Architecture));
        AssertToldAlikeWithoutRecord(run);
    }

    [Fact]
    public void Compressor_is_told_alike_by_the_record_of_its_plan_and_by_the_files_of_a_run_that_has_none()
    {
        var plan = CompressionRun.Plan(_cohort, null, CompressionRun.Phase(1, ("l1", 1)), CompressionRun.Phase(2, ("l2", 1)));

        var run = new CompressionExperiment(plan).Train(At("run"), TestContext.Current.CancellationToken).Run;

        Assert.Equal(("compressor", true, "ScalarCompressor"), (Told().Space, Told().IsCompressor, Told().Architecture));
        Assert.Equal("learning rate 0.01 constant, batch 1, 3 epochs, float32, gradients clipped at 1E+06, 2 phases", Told().Configuration);
        AssertToldAlikeWithoutRecord(run);
    }

    [Theory]
    [InlineData("""{"id": "other", "kind": "diffusion", "target": null}""")]
    [InlineData("""{"id": "other", "kind": "diffusion", "target": ["flair"]}""")]
    [InlineData("null")]
    [InlineData(null)]
    public void Damaged_record_is_a_problem_and_the_files_are_read_instead(string? text)
    {
        var run = MadeUpRun.Create(At("run"), loss: 1);
        if (text is null)
            Directory.CreateDirectory(run.Folder.Plan);
        else
            run.Write("plan.json", text);

        AssertProblem("plan.json");
    }

    [Fact]
    public void Record_that_was_changed_or_is_of_another_experiment_is_a_problem_too()
    {
        using var elsewhere = new TemporaryFolder();
        var (run, other) = (MadeUpRun.Create(At("run"), loss: 1), MadeUpRun.Create(Path.Combine(elsewhere.Path, "other"), loss: 1));
        var facts = new PlanFacts { Id = "exp7", Kind = ExperimentKind.Diffusion, Target = ["flair"] };
        facts.Write(run.Folder);
        Assert.Equal("exp7", Told().Id);

        run.Write("plan.json", File.ReadAllText(run.Folder.Plan).Replace("exp7", "exp8", StringComparison.Ordinal));
        AssertProblem("plan.json cannot be read (its values do not have the hash that it was written with)");

        File.AppendAllText(other.Folder.Experiment, "\n");
        facts.Write(other.Folder);
        File.Copy(other.Folder.Plan, run.Folder.Plan, overwrite: true);
        AssertProblem("plan.json was written with another experiment.yaml");
    }

    private void AssertProblem(string beginning)
    {
        var facts = ReportFacts.Read([_folder.Path], new ByTheirIds());

        Assert.StartsWith(beginning, Assert.Single(facts.Problems).Sentence, StringComparison.Ordinal);
        Assert.Equal("exp1", Assert.Single(facts.Runs).Experiment.Id);
    }

    private void AssertToldAlikeWithoutRecord(RunFolder run)
    {
        var recorded = Told();
        File.Delete(Path.Combine(run.Path, "plan.json"));
        Assert.Equal(recorded, Told());
    }

    /// <summary>Names parts by their ids, as the text of a plan that was read from no file does; that text is JSON.</summary>
    private sealed class ByTheirIds : IRunSources
    {
        private readonly MadeUpRun.Sources _files = new();

        public JsonObject Experiment(RunFolder run) => _files.Experiment(run);

        public string PartName(string use) => use.Split('/')[^1];

        public JobChain? Chain(string path) => null;
    }
}
