using System.Text.Json.Nodes;
using VoxelZoo.Engine.Reports.ManyRuns;
using VoxelZoo.Engine.Runs;

namespace VoxelZoo.Engine.Tests.Reports.ManyRuns;

/// <summary>What the report of many runs knows, from folders of runs that never were.</summary>
public sealed class ReportFactsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly MadeUpRun.Sources _sources = new();

    private string At(string name) => Path.Combine(_folder.Path, name);

    private MadeUpRun Run(string name, double loss = 0.5, Action<JsonNode>? change = null, string validationHash = "v") =>
        MadeUpRun.Create(At(name), loss, change, validationHash);

    private ReportFacts Facts() => ReportFacts.Read([_folder.Path], _sources);

    private string[][] Rankings(string measure) =>
        [.. Facts().Rankings.Where(r => r.Measure == measure).Select(r => r.Runs.Select(run => run.Run).ToArray())];

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Runs_are_found_in_folders_below_and_where_a_run_trained_them_first()
    {
        Run("exp10");
        Run("exp9");
        Run("old/exp9");
        Run("exp9/first/vqvae");
        Directory.CreateDirectory(At("exp9.submit"));

        Assert.Equal(["exp9", "exp9/first/vqvae", "exp10", "old/exp9"], Facts().Runs.Select(run => run.Name));
    }

    [Fact]
    public void Run_that_a_link_leads_to_counts_once()
    {
        Run("exp9");
        Directory.CreateSymbolicLink(At("again"), At("exp9"));

        Assert.Single(Facts().Runs);
        Assert.Single(ReportFacts.Read([At("again"), At("exp9")], _sources).Runs);
    }

    [Fact]
    public void Folders_without_a_run_are_refused() =>
        Assert.Contains("there are no runs", Assert.Throws<RunFolderException>(Facts).Message, StringComparison.Ordinal);

    [Fact]
    public void Place_that_is_not_there_is_refused() =>
        Assert.Contains(
            "no such folder",
            Assert.Throws<RunFolderException>(() => ReportFacts.Read([At("none")], _sources)).Message,
            StringComparison.Ordinal);

    [Theory]
    [InlineData(RunState.Completed, null, "completed")]
    [InlineData(RunState.Diverged, "diverged at epoch 35: the loss collapsed", "DIVERGED ep35")]
    [InlineData(RunState.Diverged, "the loss is NaN at step 1", "DIVERGED ep11")]
    [InlineData(RunState.TimeLimit, null, "TIME LIMIT")]
    [InlineData(RunState.Failed, "No space left", "failed: No space left")]
    [InlineData(RunState.Running, null, "INTERRUPTED ep10")]
    public void State_is_in_the_words_of_the_report(RunState state, string? error, string words)
    {
        Run("a").Change(status => status with { Status = state, LastError = error });

        Assert.Equal(words, Assert.Single(Facts().Runs).State);
    }

    [Theory]
    [InlineData("""{"images": ["seg"], "control": {"from": "runs/exp1"}}""", "pixel + ControlNet")]
    [InlineData("""{"images": ["seg"], "control": null}""", "pixel")]
    public void Network_that_controls_a_frozen_one_is_named_in_the_type(string condition, string type)
    {
        Run("a", change: file => file["condition"] = JsonNode.Parse(condition));

        Assert.Equal(type, Assert.Single(Facts().Runs).Experiment.Type);
    }

    [Fact]
    public void Run_that_a_process_trains_is_running_and_no_problem()
    {
        using var held = Run("a").Change(status => status with { Status = RunState.Running }).Folder.Lock();

        var facts = Facts();

        Assert.Equal("running", Assert.Single(facts.Runs).State);
        Assert.Empty(facts.Problems);
    }

    [Fact]
    public void Run_that_was_killed_is_a_problem()
    {
        Run("a").Change(status => status with { Status = RunState.Running });

        Assert.Equal(ProblemKind.Interrupted, Assert.Single(Facts().Problems).Kind);
    }

    [Fact]
    public void Losses_that_can_be_compared_are_ranked_the_least_first()
    {
        Run("a", 0.5);
        Run("b", 0.2, e => e["architecture"]!["channels"] = new JsonArray(16));
        Run("c", 0.3, e => e["condition"] = null);

        Assert.Equal(["b", "c", "a"], Assert.Single(Rankings("validation loss")));
    }

    public static TheoryData<string, string> Incomparable => new()
    {
        { "target", "\"flair\"" },
        { "compressor", """{"use": "haar"}""" },
        { "strategy", """{"use": "ddpm", "prediction": "sample"}""" },
        { "strategy", """{"use": "rflow", "prediction": "sample"}""" },
        { "data", """{"height": 256, "width": 256, "depth": 32}""" },
        { "data", """{"height": 128, "width": 64, "depth": 32, "normalization": "none"}""" },
        { "training", """{"validation_timesteps": 10}""" },
    };

    [Theory]
    [MemberData(nameof(Incomparable))]
    public void Losses_that_cannot_be_compared_are_not_ranked_together(string section, string value)
    {
        Run("a");
        Run("b", 0.2, e => e[section] = JsonNode.Parse(value)).Write("description.json", "{}");

        Assert.Equal(2, Rankings("validation loss").Length);
    }

    [Fact]
    public void Losses_on_other_volumes_are_not_ranked_together()
    {
        Run("a");
        Run("b", 0.2, validationHash: "other");

        Assert.Equal(2, Rankings("validation loss").Length);
    }

    [Fact]
    public void Losses_on_unknown_volumes_are_not_ranked_together()
    {
        File.Delete(Run("a").Folder.Provenance);
        File.Delete(Run("b", 0.2).Folder.Provenance);

        Assert.Equal(2, Rankings("validation loss").Length);
    }

    [Theory]
    [InlineData(false, "b", "a")]
    [InlineData(true, "a", "b")]
    public void Sets_are_ranked_in_the_direction_of_their_metric(bool higherIsBetter, string first, string second)
    {
        Run("a").Generate(0.4, higherIsBetter: higherIsBetter);
        Run("b").Generate(0.1, higherIsBetter: higherIsBetter);

        Assert.Equal([first, second], Assert.Single(Rankings("kid")));
    }

    [Fact]
    public void Metric_with_a_best_value_is_ranked_by_the_distance_to_it()
    {
        Run("a").Generate(1.5, best: 1);
        Run("b").Generate(0.75, best: 1);
        Run("c").Generate(0.4, best: 1);

        Assert.Equal(["b", "a", "c"], Assert.Single(Rankings("kid")));
    }

    [Fact]
    public void Sets_that_were_measured_by_kernels_of_differing_widths_are_not_ranked_together()
    {
        Run("a").Generate(0.4, basis: "sigma 0.8");
        Run("b").Generate(0.1, basis: "sigma 0.9");
        Run("c").Generate(0.2, basis: "sigma 0.8");

        Assert.Equal([["b"], ["c", "a"]], Rankings("kid").OrderBy(names => names.Length));
    }

    [Fact]
    public void Losses_of_the_two_definitions_are_not_ranked_together()
    {
        Run("a");
        Run("b", 0.2).Change(status => status with { Best = status.Best! with { Measure = "training_law" } });

        Assert.Equal(2, Rankings("validation loss").Length);
    }

    [Fact]
    public void Metric_whose_direction_is_not_known_is_not_ranked()
    {
        Run("a").Generate(0.4, higherIsBetter: null);

        Assert.Empty(Rankings("kid"));
    }

    [Theory]
    [InlineData("resnet50.pt 1234", 5, 3)]
    [InlineData("scattering", 6, 3)]
    [InlineData("scattering", 5, 4)]
    public void Sets_with_another_extractor_or_of_another_size_are_not_ranked_together(string extractor, int generated, int real)
    {
        Run("a").Generate(0.4);
        Run("b").Generate(0.1, extractor, generated, real);

        Assert.Equal(2, Rankings("kid").Length);
    }

    // a run's experiment names a metric of somebody else's with its plugin
    [Theory]
    [InlineData("kid")]
    [InlineData("acme/kid")]
    public void Sets_judged_with_other_options_are_not_ranked_together(string metric)
    {
        Run("a", change: e => e["evaluation"]!["metrics"]![0]!["use"] = metric).Generate(0.4);
        var other = JsonNode.Parse($$"""[{"use": "{{metric}}", "subset_size": 50}]""");
        Run("b", change: e => e["evaluation"]!["metrics"] = other).Generate(0.1);

        Assert.Equal(2, Rankings("kid").Length);
    }

    [Fact]
    public void Settings_are_what_runs_of_an_experiment_differ_in()
    {
        Run("a");
        Run("b", change: e =>
        {
            e["training"]!["learning_rate"] = 5e-5;
            e["sampling"] = new JsonObject { ["steps"] = 3 };
            e["data"]!["cohort"] = "/somewhere";
        });

        Assert.Equal(
            ["training.learning_rate=1e-4|training.learning_rate=5e-5"],
            [string.Join('|', Facts().Runs.Select(run => Assert.Single(run.Settings)))]);
    }

    [Theory]
    [InlineData("status.json")]
    [InlineData("evaluation.json")]
    [InlineData("provenance.json")]
    [InlineData("description.json")]
    [InlineData("sweeps/solvers.json")]
    [InlineData("sweeps/steps.json")]
    [InlineData("samples/00000/sample.json")]
    public void Broken_file_is_a_problem_and_the_run_is_still_told(string file)
    {
        Run("a").Generate(0.1).Sample().Write(file, "{\"half\": ");
        Run("b");

        var facts = Facts();

        Assert.Equal(["a", "b"], facts.Runs.Select(run => run.Name));
        var problem = Assert.Single(facts.Problems, p => p.Kind == ProblemKind.Unreadable);
        Assert.Equal("a", problem.Run);
        Assert.StartsWith(file, problem.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Experiment_that_was_changed_after_it_was_recorded_is_a_problem()
    {
        var run = Run("a").Folder;
        ExperimentSeal.Write(run, File.ReadAllText(run.Experiment));
        Assert.Empty(Facts().Problems);
        File.AppendAllText(run.Experiment, " ");
        Assert.StartsWith(
            "experiment.yaml was changed since the run trained by it", Assert.Single(Facts().Problems).Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Provenance_that_was_changed_by_hand_is_a_problem()
    {
        var run = Run("a").Folder;
        File.WriteAllText(
            run.Provenance, File.ReadAllText(run.Provenance).Replace("an operating system", "another one", StringComparison.Ordinal));
        Assert.StartsWith(
            "provenance.json cannot be read (its values do not have the hash that it was written with)",
            Assert.Single(Facts().Problems).Sentence,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_without_a_line_in_the_log_are_a_problem()
    {
        var run = Run("a").Folder;
        using (var log = MetricsLog.Continue(run.Metrics, 100, Assert.Fail))
        {
            foreach (var step in Enumerable.Range(1, 100).Except([7, 50, 51]))
                log.Add(
                    new MetricsEntry { Kind = "step", Step = step, Epoch = 0, Loss = 1, LearningRate = 1, GradientNorm = 1, Seconds = 1 });
        }

        Assert.Equal(
            "metrics.jsonl has no whole line of step 7, steps 50 to 51, so that history is lost", Assert.Single(Facts().Problems).Sentence);
    }

    [Theory]
    [InlineData("[1, 2]")]
    [InlineData("{\"format\": 1, \"configurations\": [{\"metrics\": 3}, 7]}")]
    [InlineData("{\"format\": \"one\"}")]
    [InlineData("{\"format\": 2, \"experiment\": \"e\", \"results\": [null], \"generated\": [null]}")]
    [InlineData("{\"binaries\": [null], \"plugins\": [], \"data\": {\"val\": null}, \"system\": \"s\", \"runtime\": \"r\"}")]
    [InlineData("{\"binaries\": [], \"plugins\": [], \"data\": {\"val\": null}, \"system\": \"s\", \"runtime\": \"r\"}")]
    [InlineData("null")]
    [InlineData("{\"parameters\": \"many\", \"input_shape\": {}, \"training\": []}")]
    public void Files_that_hold_something_else_do_not_end_the_report(string json)
    {
        foreach (var file in new[]
        {
            "status.json", "evaluation.json", "provenance.json", "description.json", "sweeps/solvers.json", "sweeps/steps.json",
            "samples/00000/sample.json", "metrics.jsonl",
        })
        {
            var name = Path.GetFileName(file);
            Run(name).Sample().Write(file, json);
            ExperimentReport.Write(Facts(), At("r.md"));
        }
    }

    [Fact]
    public void Run_without_a_readable_experiment_is_a_problem_alone()
    {
        Run("a").Write("experiment.yaml", "{");
        File.Delete(Run("b").Folder.Experiment);
        Run("c");

        var facts = Facts();

        Assert.Equal("c", Assert.Single(facts.Runs).Name);
        Assert.Equal(["a", "b"], facts.Problems.Select(problem => problem.Run));
    }

    [Fact]
    public void Instability_is_told()
    {
        Run("a").Change(status => status with { SkippedSteps = 7, Rollbacks = 1, FailedCheckpoints = 2, NonFiniteValidations = 3 });
        using (var log = MetricsLog.Continue(At("a/metrics.jsonl"), 1000, Assert.Fail))
            log.Add(new MetricsEntry
            {
                Kind = "rollback",
                Step = 40,
                Epoch = 4,
                Loss = 2.5,
                LearningRate = 5e-5,
                GradientNorm = 1,
                Seconds = 0,
                Measures = new Dictionary<string, double> { ["guard/from_step"] = 77 },
            });
        Directory.CreateDirectory(At("a/checkpoints/.corrupt-step-00000030"));

        var problems = Facts().Problems.Select(problem => (problem.Kind, problem.Sentence)).ToArray();

        Assert.Contains(
            (ProblemKind.Unstable, "went back from step 77 (loss 2.5) to step 40, epoch 4; learning rate 5e-5 from there"), problems);
        Assert.Contains(problems, p => p.Sentence.StartsWith("skipped 7 steps", StringComparison.Ordinal));
        Assert.Contains((ProblemKind.Unstable, "3 validations had a loss that is not finite, though the weights were"), problems);
        Assert.Contains((ProblemKind.Checkpoints, "2 checkpoints could not be written"), problems);
        Assert.Contains((ProblemKind.Checkpoints, "found damaged and set aside: step-00000030"), problems);
    }

    [Fact]
    public void Chain_that_ended_early_is_told_also_where_no_run_began()
    {
        Run("a");
        _sources.Chains["a"] = new JobChain("completed", null, ["1", "2"], 1, null);
        Directory.CreateDirectory(At("b.submit"));
        _sources.Chains["b"] = new JobChain(
            "failed", "segment 1 was refused (exit code 2)", ["3"], 0, "4.2 GiB estimated for training and cpu has 1.0 GiB left");

        var problem = Assert.Single(Facts().Problems);

        Assert.Equal((ProblemKind.Failed, "b"), (problem.Kind, problem.Run));
        Assert.Contains("refused", problem.Sentence, StringComparison.Ordinal);
        Assert.Contains("has 1.0 GiB left", problem.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void Facts_are_json()
    {
        Run("a", double.PositiveInfinity).Generate(0.1).Sample();

        var json = System.Text.Json.JsonSerializer.SerializeToNode(Facts(), Engine.Files.AtomicFile.Json)!;

        Assert.Equal(
            ("a", "exp1", 0.1),
            (
                (string?)json["runs"]![0]!["name"],
                (string?)json["runs"]![0]!["experiment"]!["id"],
                (double)json["rankings"]![0]!["runs"]![0]!["value"]!));
    }

    /// <summary>It was trained elsewhere, so it has no status.</summary>
    [Fact]
    public void Run_of_an_animal_is_said_to_be_one()
    {
        var run = Run("a");
        File.Delete(run.Folder.Status);
        File.WriteAllText(Path.Combine(run.Folder.Path, "card.yaml"), "id: unet3d/a");
        Directory.CreateDirectory(run.Folder.Checkpoints);

        Assert.Equal("of a zoo", Assert.Single(Facts().Runs).State);
        Assert.DoesNotContain(Facts().Problems, problem => problem.Sentence.Contains("status.json", StringComparison.Ordinal));
    }

    [Fact]
    public void Resolution_is_height_width_depth()
    {
        Run("a");
        Run("b").Write("description.json", "{}");

        Assert.All(Facts().Runs, run => Assert.Equal("128×64×32", run.Experiment.Resolution));
    }

    [Theory]
    [InlineData("null", "pixel")]
    [InlineData("""{"use": "identity"}""", "pixel")]
    [InlineData("""{"use": "space_to_depth"}""", "space-to-depth")]
    [InlineData("""{"use": "signed_distance"}""", "signed-distance")]
    [InlineData("""{"use": "haar"}""", "wavelet")]
    [InlineData("""{"use": "vqvae"}""", "latent")]
    public void Space_is_that_of_the_compressor(string compressor, string space)
    {
        Run("a", change: e => e["compressor"] = JsonNode.Parse(compressor));

        Assert.Equal(space, Assert.Single(Facts().Runs).Experiment.Space);
    }
}
