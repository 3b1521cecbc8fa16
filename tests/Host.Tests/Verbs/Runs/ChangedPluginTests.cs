using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Plugins;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>A run that was trained with one version of a plugin is never gone on with by another without a word.</summary>
public sealed class ChangedPluginTests : IClassFixture<ChangedPluginTests.First>, IDisposable
{
    private readonly Workspace _work = new();
    private readonly Fixtures _fixtures = new();
    private readonly string _experiment;

    public ChangedPluginTests(First first)
    {
        _experiment = first.Experiment;
        _work.Copy(first.Run, "run");
        _fixtures.Add("Factor1", "Factor");
    }

    public void Dispose()
    {
        _work.Dispose();
        _fixtures.Dispose();
    }

    /// <summary>An experiment with the first version of the plugin, and its run; not to be changed.</summary>
    public sealed class First : IDisposable
    {
        private readonly Workspace _work = new();

        public First(OwnCohort own)
        {
            Experiment = _work.Write(
                "e.yaml",
                $"extends: {Repository.Root}/experiments/exp11.yaml\nid: e\ncompressor: factor\ndata:\n"
                + $"  cohort: '{own.Cohort}'\n");
            using var plugins = new Fixtures();
            plugins.Add("Factor1", "Factor");
            var outcome = _work.Program(
                "train", Experiment, "--profile", "smoke", "--run", Run, "--set", "training.epochs=1", "--plugins", plugins.Folder);
            Assert.True(outcome.ExitCode == 0, outcome.Error);
        }

        internal string Experiment { get; }

        internal string Run => _work.Run;

        public void Dispose() => _work.Dispose();
    }

    private string Plugin => Path.Combine(_fixtures.Folder, "Factor");

    private JsonNode Provenance => JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "provenance.json")))!;

    private JsonNode Sample(string name) => JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "samples", name, "sample.json")))!;

    private string[] Words(string line) =>
        [
            .. line.Split(' ').Select(word => word.Replace("RUN", _work.Run, StringComparison.Ordinal)
                .Replace("EXP", _experiment, StringComparison.Ordinal)),
            "--plugins",
            _fixtures.Folder,
        ];

    private void Replace(string fixture)
    {
        Directory.Delete(Plugin, recursive: true);
        _fixtures.Add(fixture, "Factor");
    }

    private static string Sha(string file) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(file)));

    [Fact]
    public void Another_version_is_refused_by_every_verb_until_it_is_allowed_and_recorded()
    {
        var before = Sha(Path.Combine(Plugin, "Factor1.dll"));
        Assert.Contains(
            "compressor:\n  use: factor/factor\n  factor: 2\n",
            File.ReadAllText(Path.Combine(_work.Run, "experiment.yaml")),
            StringComparison.Ordinal);
        Replace("Factor2");
        var after = Sha(Path.Combine(Plugin, "Factor2.dll"));
        var change = $"{_work.Run} was trained with the plugin factor 0.1.0 ({before[..12]}), and here is 0.2.0 ({after[..12]})";

        foreach (var verb in new[]
        {
            "train EXP --run RUN --resume", "train RUN/experiment.yaml --run RUN --resume --dry-run",
            "sample RUN --count 1", "evaluate RUN",
            "sweep steps RUN --lo 1 --hi 2 --count 2", "train-diffrs RUN --epochs 1", "submit EXP --run RUN --resume --dry-run",
            "generate RUN RUN --out RUN-patients",
        })
        {
            var refused = _work.Here(Words(verb));
            Assert.Equal((verb, 2), (verb, refused.ExitCode));
            Assert.StartsWith(change, refused.Error, StringComparison.Ordinal);
            Assert.EndsWith(" or go on with --allow-changed-plugin\n", refused.Error, StringComparison.Ordinal);
        }

        var warning = $"warning: {change}, which is taken\n";
        var sampled = _work.Here(Words("sample RUN --count 1 --steps 1 --allow-changed-plugin"));
        const string evaluate = "evaluate RUN --set evaluation.metrics=[psnr] --set evaluation.generate= --split "
            + "test --allow-changed-plugin";
        Assert.Equal(0, _work.Here(Words(evaluate)).ExitCode);
        Assert.Equal(0, _work.Here(Words("sweep steps RUN --lo 1 --hi 2 --count 2 --metric kid --allow-changed-plugin")).ExitCode);
        Assert.Equal(0, _work.Here(Words("train-diffrs RUN --epochs 1 --allow-changed-plugin")).ExitCode);
        foreach (var file in new[] { "evaluation.json", "sweeps/steps.json", "diffrs/discriminator.json" })
        {
            var recorded = Assert.Single(JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, file)))!["changed_plugins"]!.AsArray())!;
            Assert.Equal((before, after), ((string?)recorded["before"]!["sha256"], (string?)recorded["after"]!["sha256"]));
        }

        _work.Copy(_work.Run, "run-weaker");
        var resumed = _work.Here(Words("train RUN/experiment.yaml --run RUN --resume --set training.epochs=2 --allow-changed-plugin"));
        var again = _work.Here(Words("sample RUN --count 1 --steps 1"));
        var guided = _work.Program(
            Words("sample RUN --count 1 --steps 1 --guidance 2 --guidance-from RUN-weaker --allow-changed-plugin"));

        Assert.Equal(
            (0, warning, 0, warning, 0, ""),
            (sampled.ExitCode, sampled.Error, resumed.ExitCode, resumed.Error, again.ExitCode, again.Error));
        var first = Assert.Single(Sample("00000")["changed_plugins"]!.AsArray())!;
        Assert.Equal((before, after), ((string?)first["before"]!["sha256"], (string?)first["after"]!["sha256"]));
        Assert.Null(Sample("00001")["changed_plugins"]); // the run's own by then
        Assert.Equal((0, warning.Replace(_work.Run, _work.At("run-weaker"), StringComparison.Ordinal)), (guided.ExitCode, guided.Error));
        var weaker = Assert.Single(Sample("00002")["changed_plugins"]!.AsArray())!;
        Assert.Equal((before, after), ((string?)weaker["before"]!["sha256"], (string?)weaker["after"]!["sha256"]));
        var changed = Assert.Single(Provenance["changed_plugins"]!.AsArray())!;
        Assert.Equal(2, (int)changed["segment"]!);
        Assert.Equal(
            ("0.1.0", "0.2.0"),
            ((string?)changed["changes"]![0]!["before"]!["version"], (string?)changed["changes"]![0]!["after"]!["version"]));
        Assert.Equal(
            (after, "0.2.0"),
            Provenance["plugins"]!.AsArray().Where(one => (string?)one!["name"] == "factor")
                .Select(one => ((string?)one!["sha256"], (string?)one["version"])).Single());
        // what the first version had by default is what the run goes on by
        Assert.Contains(
            "compressor:\n  use: factor/factor\n  factor: 2\n",
            File.ReadAllText(Path.Combine(_work.Run, "experiment.yaml")),
            StringComparison.Ordinal);
    }

    [Fact]
    public void Another_build_and_other_files_beside_it_are_refused_and_a_plugin_that_is_not_used_is_not_looked_at()
    {
        var assembly = Path.Combine(Plugin, "Factor1.dll");
        var bytes = File.ReadAllBytes(assembly);
        _fixtures.Add("Good");

        File.WriteAllBytes(assembly, [.. bytes, 0]);
        Refused("and here is another build of that version (");
        File.WriteAllBytes(assembly, bytes);
        File.WriteAllText(Path.Combine(Plugin, "weights.safetensors"), "");
        Refused("and here other files lie beside its assembly (");
        File.Delete(Path.Combine(Plugin, "weights.safetensors"));
        File.WriteAllText(Path.Combine(Plugin, "Factor1.pdb"), ""); // symbols are nothing that computes
        Assert.Equal(0, _work.Here(Words("sample RUN --count 1 --steps 1")).ExitCode);

        void Refused(string sentence)
        {
            var outcome = _work.Here(Words("sample RUN --count 1"));
            Assert.Equal(2, outcome.ExitCode);
            Assert.Contains(sentence, outcome.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Experiment_that_the_other_version_cannot_read_is_refused_for_the_version()
    {
        // a run of a later version, whose options the earlier one does not know
        Replace("Factor2");
        Assert.Equal(
            0,
            _work.Here(Words("train RUN/experiment.yaml --run RUN --resume --set training.epochs=2 --allow-changed-plugin")).ExitCode);
        Assert.Contains("offset: 0.5", File.ReadAllText(Path.Combine(_work.Run, "experiment.yaml")), StringComparison.Ordinal);
        Replace("Factor1");

        var refused = _work.Here(Words("evaluate RUN"));
        var allowed = _work.Here(Words("evaluate RUN --allow-changed-plugin"));

        Assert.StartsWith($"{_work.Run} was trained with the plugin factor 0.2.0 (", refused.Error, StringComparison.Ordinal);
        Assert.Equal((2, 2), (refused.ExitCode, allowed.ExitCode));
        Assert.Contains("unknown key `offset`", allowed.Error, StringComparison.Ordinal);
    }
}
