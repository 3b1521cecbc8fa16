using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Engine.Tests.Data.Import;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Verbs.Data;

/// <summary>Does what docs/data-in-ten-minutes.md says, on folders that are made small.</summary>
public sealed partial class TenMinutesTests : IDisposable
{
    private readonly MadeSource _brats = new(), _bids = new(), _nnunet = new();
    private readonly Workspace _work = new();

    public void Dispose()
    {
        _work.Dispose();
        _brats.Dispose();
        _bids.Dispose();
        _nnunet.Dispose();
    }

    [GeneratedRegex("^```sh\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block { get; }

    // words, with what stands in quotation marks as one
    [GeneratedRegex("\"([^\"]*)\"|(\\S+)")]
    private static partial Regex Word { get; }

    [Fact]
    public void Every_command_of_the_page_does_what_it_says()
    {
        _brats.AddBrats(10);
        _bids.AddBids(6);
        _nnunet.AddNnunet(6);
        _work.Write(
            "data/table.csv",
            "patient,t1c,seg\n" + string.Concat(
                Enumerable.Range(0, 3).Select(
                    i =>
                        $"p{i},BraTS-MET-{i:d5}-000/BraTS-MET-{i:d5}-000-t1c.nii.gz,"
                            + $"BraTS-MET-{i:d5}-000/BraTS-MET-{i:d5}-000-seg.nii.gz\n")));
        foreach (var patient in new[] { "P1", "P2", "P3" })
            new MadeDicom { Patient = patient, Oblique = (0.2, 0.3), Spacing = (2.5, 2.5, 3) }.Write(_work.At($"data/dicom/{patient}"));
        var folders = Environment.GetEnvironmentVariable("PATH")!.Split(':');
        var hasConverter = folders.Any(folder => File.Exists(Path.Combine(folder, "dcm2niix")));
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs/data-in-ten-minutes.md"));
        string[] commands = [.. Block.Matches(page).SelectMany(block => block.Groups[1].Value.TrimEnd('\n').Split('\n'))];

        foreach (var command in commands)
        {
            string[] words = [.. Word.Matches(command).Select(word => Placed(word.Groups[1].Success ? word.Groups[1].Value : word.Value))];
            Assert.Equal("voxelzoo", words[0]);
            if (!hasConverter && command.Contains("data/dicom", StringComparison.Ordinal))
                continue;
            var outcome = Do(words[1..]);
            Assert.True(outcome.ExitCode == 0, $"{command}\n{outcome.Error}\n{outcome.Out}");
        }

        Assert.Equal(18, commands.Length);
        var sheet = Convert.ToHexStringLower(
            System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(_work.At("cohorts/met/cohort.json"))));
        Assert.Equal(sheet, (string?)JsonNode.Parse(File.ReadAllText(_work.At("runs/met/provenance.json")))!["cohort_sheet"]);
        Assert.True(File.Exists(_work.At("runs/met/samples/00000/native/t1c.nii.gz")), "nothing was written on the patient's own grid");
    }

    /// <summary>Training takes a process of its own, and few steps; what generates goes with it.</summary>
    private VoxelZooProgram.Outcome Do(string[] words) => words[0] switch
    {
        "train" when !words.Contains("--dry-run") =>
            _work.Here(
                [.. words, "--set", "training.epochs=1", "--set", "training.validate_every=1", "--set", "training.checkpoint_every=1"]),
        "sample" => _work.Here([.. words, "--steps", "1"]),
        _ => _work.Here(words),
    };

    private string Placed(string word) => word switch
    {
        "data/brats" => _brats.Path,
        "data/bids" => _bids.Path,
        "data/nnunet" => _nnunet.Path,
        "met.yaml" => _work.At(word),
        _ when word.StartsWith("cohorts/", StringComparison.Ordinal) || word.StartsWith("runs/", StringComparison.Ordinal)
            || word.StartsWith("data/", StringComparison.Ordinal) => _work.At(word),
        _ => word,
    };
}
