using System.Text.Json;
using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Configuration;

/// <summary>A run finds the cohort that it was trained on where both were moved, and takes no other one.</summary>
public sealed class MovedCohortTests(OwnCohort own) : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    public static TheoryData<string> Verbs =>
        [
            "sample RUN --count 1",
            "evaluate RUN --split test --checkpoint latest",
            "sweep steps RUN --lo 1 --hi 2 --count 2",
            "train-diffrs RUN --epochs 1 --steps 1",
        ];

    [Fact]
    public void Place_is_recorded_whole_and_from_the_run()
    {
        var place = JsonNode.Parse(File.ReadAllText(Path.Combine(own.Run, "provenance.json")))!["cohort"]!;

        Assert.Equal((own.Cohort, "../cohort"), ((string?)place["path"], (string?)place["relative"]));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Cohort_that_was_moved_with_its_run_is_found_by_its_content(bool another)
    {
        var (old, moved) = (_work.At("old"), _work.At("moved"));
        own.Copy("moved", _work);
        Place(Path.Combine(moved, "run"), Path.Combine(old, "cohort"));
        if (another)
        {
            own.Copy("old", _work);
            Directory.Delete(Directory.GetDirectories(Path.Combine(old, "cohort", "train"))[0], recursive: true);
        }

        var outcome = _work.Here("sample", Path.Combine(moved, "run"), "--count", "1");

        Assert.Equal(
            (
                0,
                $"warning: the run's cohort is no longer what was at {old}/cohort; "
                + $"it is taken from {moved}/cohort, which holds what the run was trained on\n"),
            (outcome.ExitCode, outcome.Error));
    }

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Cohort_option_names_where_it_lies_now_and_refuses_another_one(string verb)
    {
        own.Copy("one", _work);
        Directory.Move(_work.At("one/cohort"), _work.At("elsewhere"));
        Place(_work.At("one/run"), _work.At("one/cohort"));
        string[] Arguments(string cohort) =>
            [.. verb.Split(' ').Select(word => word == "RUN" ? _work.At("one/run") : word), "--cohort", cohort];

        var found = _work.Here(Arguments(_work.At("elsewhere")));
        Directory.Delete(Directory.GetDirectories(_work.At("elsewhere/train"))[0], recursive: true);
        var (another, absent) = (_work.Here(Arguments(_work.At("elsewhere"))), _work.Here(Arguments(_work.At("no"))));

        Assert.Equal((0, ""), (found.ExitCode, found.Error));
        Assert.Equal(2, another.ExitCode);
        Assert.StartsWith(
            $"--cohort: the cohort '{_work.At("elsewhere")}' is not what the run was trained on: in train: removed ",
            another.Error,
            StringComparison.Ordinal);
        Assert.Equal(2, absent.ExitCode);
        Assert.StartsWith($"--cohort: the cohort '{_work.At("no")}' does not exist", absent.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("sample RUN --count 1", "--cohort DIR")]
    [InlineData("train exp11 --run RUN --resume", "--set data.cohort=DIR")]
    public void Cohort_that_was_moved_alone_is_missed_with_the_option_that_names_it(string verb, string option)
    {
        own.Copy("one", _work);
        Place(_work.At("one/run"), _work.At("one/cohort"));
        Directory.Move(_work.At("one/cohort"), _work.At("elsewhere"));

        var outcome = _work.Here([.. verb.Split(' ').Select(word => word == "RUN" ? _work.At("one/run") : word)]);

        Assert.Equal(2, outcome.ExitCode);
        Assert.Contains(
            $"the run's cohort '{_work.At("one/cohort")}' is not there any more; "
            + $"put it back, or name the folder that holds it now with {option}",
            outcome.Error,
            StringComparison.Ordinal);
    }

    [Fact]
    public void Run_that_goes_on_keeps_the_new_place()
    {
        own.Copy("moved", _work);
        Place(_work.At("moved/run"), _work.At("old/cohort"));
        string[] resume = ["train", "exp11", "--run", _work.At("moved/run"), "--resume"];

        var resumed = _work.Here(resume);
        var again = _work.Here(resume);

        Assert.True(resumed.ExitCode == 0, resumed.Error);
        Assert.EndsWith(
            $"; `train EXP --run {_work.At("moved/run")} --resume --set training.epochs=4` trains on\n",
            resumed.Out,
            StringComparison.Ordinal);
        Assert.Equal((0, ""), (again.ExitCode, again.Error));
        Assert.Contains(_work.At("moved/cohort"), File.ReadAllText(_work.At("moved/run/experiment.yaml")), StringComparison.Ordinal);
        Assert.Equal(
            _work.At("moved/cohort"), (string?)JsonNode.Parse(File.ReadAllText(_work.At("moved/run/provenance.json")))!["cohort"]!["path"]);
    }

    // what a run says that was trained there; the copy lies elsewhere
    private void Place(string run, string cohort)
    {
        foreach (var file in new[] { "experiment.yaml", "provenance.json", "origin.json" }.Select(name => Path.Combine(run, name)))
            File.WriteAllText(
                file,
                File.ReadAllText(file).Replace(own.Cohort, cohort, StringComparison.Ordinal)
                    .Replace(Escaped(own.Cohort), Escaped(cohort), StringComparison.Ordinal));
        Workspace.Seal(run);
        var provenance = JsonNode.Parse(File.ReadAllText(Path.Combine(run, "provenance.json")))!.AsObject();
        provenance.Remove("sha256"); // as of before there were such hashes
        File.WriteAllText(Path.Combine(run, "provenance.json"), provenance.ToJsonString());

        static string Escaped(string path) => JsonSerializer.Serialize(path).Trim('"');
    }
}
