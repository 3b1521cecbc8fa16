using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Host.Displays;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Runs;

/// <summary>What training says of how long it takes, and of how a run that is done goes on.</summary>
public sealed class TrainingWordsTests : IDisposable
{
    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Theory]
    [InlineData(10, 2, 4, "20 s left")]
    [InlineData(0, 1, 9, "0 s left")]
    [InlineData(59.9, 1, 1, "59 s left")]
    [InlineData(60, 1, 2, "2 min 00 s left")]
    [InlineData(7500, 1, 1, "2 h 05 min left")]
    [InlineData(90000, 1, 1, "1 d 01 h left")]
    [InlineData(86400, 1, 400, "400 d 00 h left")]
    public void Time_left_is_the_mean_of_the_epochs_done_times_those_to_come(double seconds, int done, int left, string words) =>
        Assert.Equal(words, TrainingDisplay.TimeLeft(seconds, done, left));

    [Fact]
    public void Time_left_has_words_for_the_longest_training() =>
        Assert.EndsWith(" h left", TrainingDisplay.TimeLeft(1e300, 1, int.MaxValue), StringComparison.Ordinal);

    // a bar needs a name to be drawn by, and training waited for it for ever
    [Fact]
    public void Experiment_without_a_title_is_trained_on_a_terminal()
    {
        // script makes up the terminal
        using var process = VoxelZooProgram.StartOther(
            new(Workspace.OneThread) { ["TERM"] = "xterm" }, "bash", "-c", "exec timeout 300 script -qefc \"$0\" /dev/null < /dev/null",
            $"stty cols 80 rows 24; '{VoxelZooProgram.Executable}' train exp11 --profile smoke --set title= --run '{_work.Run}'");
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();

        Assert.True(process.ExitCode == 0, output);
        Assert.Contains("\"status\": \"completed\"", File.ReadAllText(Path.Combine(_work.Run, "status.json")), StringComparison.Ordinal);
    }

    [Fact]
    public void Compressor_that_is_done_goes_on_as_its_resume_says()
    {
        string[] train = ["train", "dcae_seg_f32", "--run", _work.Run];
        Assert.Equal(0, _work.Here([.. train, "--profile", "smoke"]).ExitCode);
        var epochs = Epochs();

        var done = _work.Here([.. train, "--resume"]);
        var said = Regex.Match(done.Out, "--resume --set ([^`]*)` trains on");
        var longer = _work.Here([.. train, "--resume", "--set", said.Groups[1].Value]);

        Assert.StartsWith("training.phases.", said.Groups[1].Value, StringComparison.Ordinal);
        Assert.True(longer.ExitCode == 0, longer.Error);
        Assert.Equal(2 * epochs, Epochs());
    }

    private int Epochs() => (int)JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "status.json")))!["epoch"]!;
}
