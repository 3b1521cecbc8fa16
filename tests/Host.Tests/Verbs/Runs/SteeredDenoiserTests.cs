using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>What of another run a ControlNet takes over, and what it refuses because it does not.</summary>
public sealed class SteeredDenoiserTests : IDisposable
{
    private const string Told = "modulates its denoiser by size bins (film) or by what an augmentation told (omega), "
        + "which a ControlNet does not take over";

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Denoiser_that_was_told_of_augmentations_is_refused_before_anything_is_made()
    {
        var first = _work.Write("told.yaml", $$"""
            extends: {{Repository.Root}}/experiments/exp6a.yaml
            id: told
            augmentations: [{use: score_aug, rotation: false, flip: false, translation: true}]

            """);
        var trained = _work.Here("train", first, "--profile", "smoke", "--run", _work.Run);
        Assert.True(trained.ExitCode == 0, trained.Error);

        var lent = Train("--set", $"condition.control.from={_work.Run}", "--set", "condition.control.train_first=null");
        var made = Train("--set", $"condition.control.train_first={{experiment: {first}, profile: smoke}}");

        Assert.Equal((2, 2), (lent.ExitCode, made.ExitCode));
        Assert.Contains($"{_work.Run} {Told}", lent.Error, StringComparison.Ordinal);
        Assert.Contains($"told {Told}", made.Error, StringComparison.Ordinal);
        Assert.False(Path.Exists(_work.At("steered")));
    }

    [Fact]
    public void Denoiser_that_nothing_modulated_is_trained_first_and_steered()
    {
        var outcome = Train();
        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }

    private VoxelZooProgram.Outcome Train(params string[] more) =>
        _work.Here(["train", "exp6b", "--profile", "smoke", "--run", _work.At("steered"), .. more]);
}
