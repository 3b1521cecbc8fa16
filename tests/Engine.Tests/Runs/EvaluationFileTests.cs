using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Evaluation;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Runs;

[Collection(Alone.Name)]
public sealed class EvaluationFileTests(TinyCohort cohort) : IClassFixture<TinyCohort>, IDisposable
{
    private readonly TinyRun _run = new();

    public void Dispose() => _run.Dispose();

    [Fact]
    public void What_was_written_is_read()
    {
        var file = new EvaluationFile<EvaluationResult>
        {
            Experiment = "tiny",
            Results = [Result("test", "best", "latest"), Result("val", "best", "latest")],
        };
        file.Write(_run.Folder);

        Assert.Equivalent(file, EvaluationFile<EvaluationResult>.Read(_run.Folder), strict: true);
    }

    [Fact]
    public void Result_is_found_by_any_of_its_checkpoints_names()
    {
        var file = new EvaluationFile<EvaluationResult>
        {
            Experiment = "tiny",
            Results = [Result("test", "best", "latest"), Result("val", "best")],
        };

        Assert.Same(file.Results[0], file.Find("latest", "test"));
        Assert.Same(file.Results[1], file.Find("best", "val"));
        Assert.Null(file.Find("latest", "val"));
    }

    [Fact]
    public void Run_that_was_not_evaluated_has_none() => Assert.Null(EvaluationFile<EvaluationResult>.Read(_run.Folder));

    [Theory]
    [InlineData("{\"format\": 3, \"experiment\": \"tiny\", \"results\": []}", "version 3, this program reads version 2")]
    // what evaluate wrote before
    [InlineData("{\"experiment\": \"tiny\", \"checkpoint\": \"step-00000001\", \"loss\": 0.1}", "cannot be read")]
    public void File_of_another_layout_is_refused_with_the_verb_that_makes_it_anew(string text, string sentence)
    {
        File.WriteAllText(_run.Folder.Evaluation, text);

        var refusal = Assert.Throws<RunFolderException>(() => EvaluationFile<EvaluationResult>.Read(_run.Folder)).Message;
        Assert.Contains(sentence, refusal, StringComparison.Ordinal);
        Assert.EndsWith("`evaluate` makes it anew", refusal, StringComparison.Ordinal);
    }

    [Fact]
    public void Checkpoint_with_two_names_is_opened_once()
    {
        _run.Train(TinyRun.Plan(cohort)); // its validation improves in every epoch
        var store = new CheckpointStore(_run.Folder.Checkpoints);
        var step = _run.Latest.Name;

        store.Point("best", step);
        var same = Assert.Single(Open());
        Assert.Equal((step, "best, latest"), (same.Checkpoint.Name, string.Join(", ", same.Names)));

        store.Point("best", _run.Checkpoints[0]);
        Assert.Equal([_run.Checkpoints[0], step], Open().Select(opened => opened.Checkpoint.Name));
        Assert.Equal(["best", "latest"], Open().Select(opened => Assert.Single(opened.Names)));

        string[] own = ["best", _run.Checkpoints[0], step];
        ExperimentPlan.Compose(TinyRun.Draft(cohort) with { Evaluation = new EvaluationOptions { Checkpoints = own } });
        var named = NamedCheckpoint.Open(_run.Folder, own, _run.Warnings.Add);
        Assert.Equal([$"best,{_run.Checkpoints[0]}", step], named.Select(opened => string.Join(',', opened.Names)));

        IReadOnlyList<NamedCheckpoint> Open() => NamedCheckpoint.Open(_run.Folder, ["best", "latest"], _run.Warnings.Add);
    }

    [Fact]
    public void Checkpoint_that_training_removes_meanwhile_gives_way_to_the_one_of_its_name_now()
    {
        _run.Train(TinyRun.Plan(cohort));
        var store = new CheckpointStore(_run.Folder.Checkpoints);
        store.Point("latest", _run.Checkpoints[0]);
        var opened = Assert.Single(NamedCheckpoint.Open(_run.Folder, ["latest"], _run.Warnings.Add));
        store.Point("latest", _run.Checkpoints[^1]);
        Directory.Delete(opened.Checkpoint.Folder, recursive: true);

        var read = opened.Use(_run.Folder, _run.Warnings.Add, checkpoint => (checkpoint.Name, checkpoint.Read("denoiser").Count));

        Assert.Equal(_run.Checkpoints[^1], read.Name);
        Assert.True(read.Count > 0);
        Assert.Equal($"training removed {opened.Checkpoint.Name} meanwhile; taking what is latest now", Assert.Single(_run.Warnings));
    }

    [Theory]
    [InlineData("splits", "tets", "splits has no `tets`; name some of train, val, test")]
    [InlineData("splits", "test,test", "splits names test twice")]
    [InlineData("splits", "", "splits names nothing to evaluate")]
    [InlineData("checkpoints", "newest", "checkpoints has no `newest`; name some of best, latest")]
    [InlineData("checkpoints", "", "checkpoints names nothing to evaluate")]
    public void Names_that_there_are_not_are_refused(string key, string names, string sentence)
    {
        var named = names.Split(',', StringSplitOptions.RemoveEmptyEntries);
        var options = key == "splits" ? new EvaluationOptions { Splits = named } : new EvaluationOptions { Checkpoints = named };

        var refusal = Assert.Throws<PlanException>(() => ExperimentPlan.Compose(TinyRun.Draft(cohort) with { Evaluation = options }));
        Assert.Equal(("evaluation", key), (refusal.Section, refusal.Key));
        Assert.StartsWith(sentence, refusal.Message, StringComparison.Ordinal);
    }

    private static EvaluationResult Result(string split, params string[] checkpoints) => new()
    {
        Checkpoints = checkpoints,
        Checkpoint = "step-00000001",
        Weights = "ema",
        WeightsSha256 = "00",
        Split = split,
        Volumes = 2,
        Loss = 0.25,
        NullLoss = 1,
        LossByTimestep = [new TimestepLoss(500, 0.25)],
        Estimates = [new EstimateQuality("psnr", 250, 20, [19, 21])],
    };
}
