using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.Host.Tests.Verbs.Zoo;

[assembly: AssemblyFixture(typeof(ExportedAnimal))]

namespace VoxelZoo.Host.Tests.Verbs.Zoo;

/// <summary>
/// A run of a few steps that was sampled and evaluated, and the animal that was made of it; made once, for all tests that look at one.
/// </summary>
public sealed class ExportedAnimal : IDisposable
{
    /// <summary>What the animal is called.</summary>
    public const string Id = "unet3d/tiny";

    /// <summary>Values that make the quickstart the smallest experiment of its kind.</summary>
    public static readonly string[] Tiny = Sets(
        "data.depth=16", "data.original_depth=16", "data.height=32", "data.width=32", "data.slice_pitch=9.375",
        "architecture.channels=[8, 8, 8, 8]", "training.ema.update_after=0");

    private static readonly string[] Cohort = Sets("data.synthesize.depth=16", "data.synthesize.height=32", "data.synthesize.width=32");

    private readonly Workspace _work = new();
    private readonly Lazy<string> _run, _folder;

    public ExportedAnimal()
    {
        _run = new(() =>
        {
            Done(
                [
                    "run",
                    "quickstart",
                    "--profile",
                    "smoke",
                    "--run",
                    _work.Run,
                    .. Tiny,
                    .. Cohort,
                    "--set",
                    "evaluation.metrics=[sharpness, memorisation, lesions, psnr]",
                ]);
            return _work.Run;
        });
        _folder = new(() =>
        {
            Done("zoo", "export", Run, "--as", Id, "--facts", Facts, "--zoo", _work.At("zoo"));
            return _work.At($"zoo/{Id}");
        });
    }

    /// <summary>The run.</summary>
    public string Run => _run.Value;

    /// <summary>The animal's folder.</summary>
    public string Folder => _folder.Value;

    /// <summary>A file with what no run knows.</summary>
    public string Facts => _work.Write("facts.yaml", """
        summary: Paints a tiny head.
        licences: {code: Apache-2.0, weights: CC0-1.0, data: Colin 27}
        use: {intended: For tests., limits: [Not for a clinic.]}
        """);

    public void Dispose()
    {
        _work.Dispose();
        // where the tests' process unpacked it
        if (Directory.Exists("runs/zoo/unet3d"))
            Directory.Delete("runs/zoo/unet3d", recursive: true);
    }

    private static string[] Sets(params string[] values) => [.. values.SelectMany(value => new[] { "--set", value })];

    private void Done(params string[] arguments)
    {
        var outcome = _work.Here(arguments);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
    }
}
