using System.Text.Json.Nodes;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>
/// Every experiment is trained and sampled as <c>run</c> does it, in this process; in three classes, which run beside each other.
/// </summary>
public abstract class SmokeTests(SmokeCohorts cohorts) : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose()
    {
        _work.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Every third experiment that ships, but for those that others extend.</summary>
    protected static TheoryData<string> Third(int first) =>
        [
            .. ExperimentFolder.List(Path.Combine(Repository.Root, "experiments"))
                .Select(file => Path.GetFileNameWithoutExtension(file)).Where((_, i) => i % 3 == first),
        ];

    protected void Smoke(string id)
    {
        var asked = SmokeCohorts.Asked(id);
        string[] cohort = cohorts.Find(asked) is { } made ? ["--set", $"data.cohort={made}"] : [];
        var outcome = _work.Here(["run", id, "--profile", "smoke", "--run", _work.Run, .. cohort]);

        Assert.True(outcome.ExitCode == 0, $"{outcome.ExitCode}: {outcome.Error}");
        // warnings are of the plan: rflow on wavelets
        Assert.All(
            outcome.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries),
            line => Assert.StartsWith("warning: haar with rflow", line, StringComparison.Ordinal));
        var status = JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "status.json")))!;
        Assert.Equal(("completed", 2), ((string?)status["status"], (int)status["epoch"]!));
        Assert.True((int)status["step"]! >= 2);
        var sample = Assert.Single(Directory.GetDirectories(Path.Combine(_work.Run, "samples")));
        Assert.NotEmpty(Directory.GetFiles(sample, "*.nii.gz"));
        Assert.Contains("montage.png", File.ReadAllText(Path.Combine(_work.Run, "report.md")), StringComparison.Ordinal);
        if (cohort.Length == 0)
            cohorts.Keep(asked, _work.At("run/cohort"));
        Assert.Equal(File.ReadAllText(Path.Combine(_work.Run, "experiment.yaml")).Contains("ema:", StringComparison.Ordinal),
            Directory.GetFiles(Path.Combine(_work.Run, "checkpoints"), "ema.safetensors", SearchOption.AllDirectories).Length > 0);
    }
}

public sealed class FirstSmokeTests(SmokeCohorts cohorts) : SmokeTests(cohorts)
{
    public static TheoryData<string> Experiments => Third(0);

    [Theory]
    [MemberData(nameof(Experiments))]
    public void Smoke_profile_trains_samples_evaluates_and_reports(string id) => Smoke(id);
}

public sealed class SecondSmokeTests(SmokeCohorts cohorts) : SmokeTests(cohorts)
{
    public static TheoryData<string> Experiments => Third(1);

    [Theory]
    [MemberData(nameof(Experiments))]
    public void Smoke_profile_trains_samples_evaluates_and_reports(string id) => Smoke(id);
}

public sealed class ThirdSmokeTests(SmokeCohorts cohorts) : SmokeTests(cohorts)
{
    public static TheoryData<string> Experiments => Third(2);

    [Theory]
    [MemberData(nameof(Experiments))]
    public void Smoke_profile_trains_samples_evaluates_and_reports(string id) => Smoke(id);
}
