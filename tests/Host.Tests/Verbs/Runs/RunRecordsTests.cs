using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>A run of which a file was changed or lost since it was trained.</summary>
public sealed class RunRecordsTests(OwnCohort own) : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    public static TheoryData<string> Verbs =>
    [
        "train exp11 --run RUN --resume", "train RUN/experiment.yaml --run RUN --resume", "train exp11 --run RUN --resume --dry-run",
        "sample RUN --count 1", "evaluate RUN --split test --checkpoint latest", "sweep steps RUN --lo 1 --hi 2 --count 2",
        "train-diffrs RUN --epochs 1 --steps 1",
    ];

    private string Run => _work.At("b/run");

    private string Experiment => Path.Combine(Run, "experiment.yaml");

    [Theory]
    [MemberData(nameof(Verbs))]
    public void Experiment_that_was_changed_is_refused_until_it_is_put_back(string verb)
    {
        own.Copy("b", _work);
        var before = File.ReadAllText(Experiment);
        Change();

        var changed = Obey(verb);
        File.WriteAllText(Experiment, before);
        var put = Obey(verb);

        Assert.Equal((2, 0, ""), (changed.ExitCode, put.ExitCode, put.Error));
        Assert.StartsWith($"{Experiment} was changed since the run trained by it, ", changed.Error, StringComparison.Ordinal);
        Assert.Single(changed.Error.TrimEnd('\n').Split('\n'));
    }

    [Fact]
    public void Experiment_that_training_wrote_anew_is_the_one_that_is_recorded()
    {
        own.Copy("b", _work);

        var resumed = Obey("train exp11 --run RUN --resume --set sampling.count=2");
        var sampled = Obey("sample RUN");

        Assert.Equal((0, "", 0, ""), (resumed.ExitCode, resumed.Error, sampled.ExitCode, sampled.Error));
        Assert.Equal(2, Directory.GetDirectories(Path.Combine(Run, "samples")).Length);
    }

    [Fact]
    public void Run_of_before_its_experiment_was_recorded_is_compared_with_its_checkpoints()
    {
        own.Copy("b", _work);
        File.Delete(Path.Combine(Run, "experiment.seal.json"));

        var same = Obey("sample RUN --count 1");
        Change();
        var changed = Obey("sample RUN --count 1");

        Assert.Equal((0, "", 0), (same.ExitCode, same.Error, changed.ExitCode));
        Assert.StartsWith(
            $"warning: {Experiment} is not the file that the run's checkpoints were trained by", changed.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Provenance_that_was_changed_by_hand_is_refused_by_every_verb()
    {
        own.Copy("p", _work);
        var provenance = Path.Combine(_work.At("p/run"), "provenance.json");
        File.WriteAllText(provenance, File.ReadAllText(provenance).Replace("\"patients\": 2", "\"patients\": 3", StringComparison.Ordinal));
        foreach (var verb in new[] { "sample RUN --count 1", "evaluate RUN", "train exp11 --run RUN --resume" })
        {
            var outcome = _work.Here([.. verb.Split(' ').Select(word => word == "RUN" ? _work.At("p/run") : word)]);
            Assert.Equal(2, outcome.ExitCode);
            Assert.Contains(
                $"{provenance} cannot be read (its values do not have the hash that it was written with); put it back",
                outcome.Error,
                StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Lost_provenance_is_named_and_gone_on_without_only_where_that_is_allowed()
    {
        own.Copy("b", _work);
        var provenance = Path.Combine(Run, "provenance.json");
        File.Delete(provenance);
        var sentence = $"{provenance} is lost, so that the data cannot be compared with what the run was trained on; ";

        var sampled = Obey("sample RUN --count 1");
        var (dry, refused) =
            (Obey("train exp11 --run RUN --resume --dry-run"), Obey("train exp11 --run RUN --resume"));
        var isMade = File.Exists(provenance);
        var allowed = Obey("train exp11 --run RUN --resume --allow-changed-data");
        var again = Obey("train exp11 --run RUN --resume");

        Assert.Equal((0, $"warning: {sentence}they are taken as they are\n"), (sampled.ExitCode, sampled.Error));
        Assert.Equal((2, 2, false), (dry.ExitCode, refused.ExitCode, isMade));
        Assert.Equal($"{sentence}put that file back, or go on with --allow-changed-data\n", refused.Error);
        Assert.Equal(refused.Error, dry.Error);
        Assert.Equal((0, $"warning: {sentence}the run goes on with what is there, and records it\n"), (allowed.ExitCode, allowed.Error));
        var change = Assert.Single(JsonNode.Parse(File.ReadAllText(provenance))!["changed_data"]!.AsArray())!;
        Assert.Equal((true, 2), ((bool?)change["is_unknown"], (int?)change["segment"]));
        Assert.Equal((0, ""), (again.ExitCode, again.Error));
    }

    // what trains as well as before, and is not what was trained by
    private void Change() =>
        File.WriteAllText(Experiment, Regex.Replace(File.ReadAllText(Experiment), "(?m)^title: .*$", "title: another one"));

    private VoxelZooProgram.Outcome Obey(string line) => _work.Here(Words(line));

    private string[] Words(string line) => [.. line.Split(' ').Select(word => word.Replace("RUN", Run, StringComparison.Ordinal))];
}
