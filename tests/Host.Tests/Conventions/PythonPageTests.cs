using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using TorchSharp;
using VoxelZoo.Engine.Nifti;
using VoxelZoo.Engine.Tests.Data.Import;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Tensors;

namespace VoxelZoo.Host.Tests.Conventions;

/// <summary>Executes docs/python.md on a run, and compares what Python read with what is read here.</summary>
public sealed partial class PythonPageTests : IDisposable
{
    private const string Python = "/usr/bin/python3";

    private readonly Workspace _work = new();
    private readonly MadeSource _source = new();

    public void Dispose()
    {
        _source.Dispose();
        _work.Dispose();
    }

    [GeneratedRegex("^```python\n(.*?)^```$", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Block { get; }

    [Fact]
    public void Every_block_of_the_page_reads_what_is_there()
    {
        Assert.SkipUnless(
            File.Exists(Python) && Execute("import nibabel, numpy").Code == 0, $"{Python} has no nibabel (Debian's python3-nibabel)");
        _source.AddBrats(10);
        Done(_work.Here("data", "import", _source.Path, "--to", _work.At("cohorts/met")));
        Done(_work.Here("init", _work.At("cohorts/met"), "--like", "pixel_unet", "--out", _work.At("met.yaml")));
        Done(_work.Here(
            "train", _work.At("met.yaml"), "--run", _work.At("runs/met"),
            "--set", "training.epochs=1", "--set", "training.validate_every=1"));
        Done(_work.Here("sample", _work.At("runs/met"), "--count", "1", "--steps", "1"));
        var page = File.ReadAllText(Path.Combine(Repository.Root, "docs/python.md"));
        string[] blocks = [.. Block.Matches(page).Select(block => block.Groups[1].Value)];
        Assert.Equal(6, blocks.Length);
        const string found = """
            print(json.dumps({
                "losses": losses, "weights": {name: float(np.abs(tensor.astype(np.float64)).sum()) for name, tensor in weights.items()},
                "shape": list(volume.shape), "first": float(volume[0, 1, 2]), "affine": images["t1c"].affine.tolist(),
                "seen": [float(seen.min()), float(seen.max())], "scans": len(sheet["scans"])}))
            """;

        var (code, said, error) = Execute(string.Concat(blocks) + found);

        Assert.True(code == 0, error);
        var read = JsonNode.Parse(said.TrimEnd('\n').Split('\n')[^1])!;
        AssertWeights(read["weights"]!.AsObject());
        var sample = NiftiFile.Read(_work.At("runs/met/samples/00000/t1c.nii.gz"));
        var shape = sample.Header.Shape;
        Assert.Equal([shape[2], shape[0], shape[1]], read["shape"]!.AsArray().Select(size => (int)size!));
        Assert.Equal(sample.Intensities.Span[shape[0] * 2 + 1], (float)read["first"]!); // row 1, column 2, slice 0
        Assert.Equal(
            sample.Header.Affine.SelectMany(row => row),
            read["affine"]!.AsArray().SelectMany(row => row!.AsArray()).Select(one => (double)one!));
        Assert.Equal((0.0, 1.0), ((double)read["seen"]![0]!, (double)read["seen"]![1]!));
        Assert.Equal(10, (int)read["scans"]!);
        Assert.Equal(1, (int)Assert.Single(read["losses"]!.AsArray())![0]!);
    }

    private void AssertWeights(JsonObject sums)
    {
        using var scope = torch.NewDisposeScope();
        var name = File.ReadAllText(_work.At("runs/met/checkpoints/best")).Trim();
        using var weights = SafetensorsFile.Read(_work.At($"runs/met/checkpoints/{name}/denoiser.safetensors"));
        Assert.Equal(weights.Keys.Order(StringComparer.Ordinal), sums.Select(sum => sum.Key).Order(StringComparer.Ordinal));
        Assert.All(weights, pair => Assert.Equal(
            pair.Value.to(torch.ScalarType.Float64).abs().sum().item<double>(),
            (double)sums[pair.Key]!, 1e-6 * (1 + (double)sums[pair.Key]!)));
    }

    private (int Code, string Out, string Error) Execute(string script)
    {
        var file = _work.Write("page.py", script);
        var start = new ProcessStartInfo(Python, [file])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Path.GetDirectoryName(file),
        };
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var said = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, said, error.Result);
    }

    private static void Done(VoxelZooProgram.Outcome outcome) => Assert.True(outcome.ExitCode == 0, outcome.Error);
}
