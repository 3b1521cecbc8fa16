using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Tests.Runs.Checkpoints;

public sealed class CheckpointStoreTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly List<string> _warnings = [];

    private CheckpointStore Store => new(_folder.Path);

    private string[] Folders => [.. Directory.GetDirectories(_folder.Path).Select(f => Path.GetFileName(f)).Order()];

    public void Dispose() => _folder.Dispose();

    private static string Save(CheckpointStore store, long step, Func<CheckpointManifest, CheckpointManifest>? change = null)
    {
        using var scope = torch.NewDisposeScope();
        var weights = new Dictionary<string, IReadOnlyDictionary<string, Tensor>>
        {
            ["denoiser"] = new Dictionary<string, Tensor> { ["weight"] = torch.full([3], S(step), ScalarType.Float32) },
        };
        return store.Save(weights, files => (change ?? (m => m))(new CheckpointManifest
        {
            Position = new TrainingPosition { Step = step },
            Random = new Dictionary<string, byte[]> { ["noise"] = [1, 2, 255] },
            Experiment = "",
            Files = files,
        }));
    }

    private string? Opened(string pointer = "latest") => Store.Open(pointer, _warnings.Add)?.Name;

    private string In(string checkpoint, string file) => Path.Combine(_folder.Path, checkpoint, file);

    [Fact]
    public void Open_returns_what_was_saved()
    {
        Save(Store, 7);
        var checkpoint = Store.Open("latest", _warnings.Add)!;
        using var weights = checkpoint.Read("denoiser");
        Assert.Equal([7f, 7f, 7f], weights["weight"].data<float>().ToArray());
        Assert.Equal(7, checkpoint.Manifest.Position.Step);
        Assert.Equal([1, 2, 255], checkpoint.Manifest.Random["noise"]);
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Open_without_a_checkpoint_is_null() => Assert.Null(Opened());

    [Fact]
    public void Open_a_pointer_that_was_never_set_gives_the_newest()
    {
        Save(Store, 1);
        Save(Store, 2);
        Assert.Equal("step-00000002", Opened("best"));
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Open_gives_what_the_pointer_names()
    {
        var best = Save(Store, 1);
        Save(Store, 2);
        Store.Point("best", best);
        Assert.Equal(best, Opened("best"));
    }

    [Theory]
    [InlineData("flipped byte")]
    [InlineData("cut off")]
    [InlineData("missing file")]
    [InlineData("missing manifest")]
    [InlineData("manifest cut off")]
    [InlineData("manifest of nulls")]
    [InlineData("manifest null")]
    [InlineData("manifest of a later layout")]
    public void Open_passes_over_a_damaged_checkpoint_with_a_warning(string damage)
    {
        Save(Store, 1);
        var newest = Save(Store, 2);
        var (tensors, manifest) = (In(newest, "denoiser.safetensors"), In(newest, "manifest.json"));
        var (bytes, text) = (File.ReadAllBytes(tensors), File.ReadAllText(manifest));
        switch (damage)
        {
            case "flipped byte":
                bytes[^1] ^= 1;
                File.WriteAllBytes(tensors, bytes);
                break;
            case "cut off":
                File.WriteAllBytes(tensors, bytes[..^4]);
                break;
            case "missing file":
                File.Delete(tensors);
                break;
            case "missing manifest":
                File.Delete(manifest);
                break;
            case "manifest cut off":
                File.WriteAllText(manifest, text[..(text.Length / 2)]);
                break;
            case "manifest of nulls":
                File.WriteAllText(manifest, """{"position":null,"random":null,"experiment":null,"files":null}""");
                break;
            case "manifest null":
                File.WriteAllText(manifest, "null");
                break;
            default:
                File.WriteAllText(manifest, text.Replace("\"format\": 1", "\"format\": 2", StringComparison.Ordinal));
                break;
        }

        Assert.Equal("step-00000001", Opened());
        Assert.Contains(newest, Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Manifest_whose_numbers_were_changed_is_passed_over()
    {
        Save(Store, 1);
        var manifest = In(Save(Store, 2), "manifest.json");
        var text = File.ReadAllText(manifest);
        var changed = text.Replace("\"epoch\": ", "\"epoch\": 1", StringComparison.Ordinal);
        Assert.NotEqual(text, changed);
        File.WriteAllText(manifest, changed);

        Assert.Equal("step-00000001", Opened());
        Assert.Contains("its manifest was changed", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("best", true, 1)]
    [InlineData("best", false, 0)]
    [InlineData("latest", false, 1)]
    public void Pointer_that_was_lost_is_named(string pointer, bool validated, int warnings)
    {
        Save(Store, 1, manifest => manifest with { Best = validated ? new BestValidation(1, 0.5) : null });
        File.Delete(Path.Combine(_folder.Path, pointer));

        Assert.Equal("step-00000001", Opened(pointer));
        Assert.Equal(
            warnings, _warnings.Count(warning => warning.Contains($"the pointer {pointer} is not there", StringComparison.Ordinal)));
    }

    [Fact]
    public void Open_when_all_are_damaged_is_null_and_names_each()
    {
        foreach (var step in new[] { 1, 2 })
            File.Delete(In(Save(Store, step), "manifest.json"));
        Assert.Null(Opened());
        Assert.Equal(2, _warnings.Count);
    }

    [Theory]
    [InlineData("step-00000009\n")]
    [InlineData("../elsewhere")]
    [InlineData("")]
    public void Open_a_pointer_to_nothing_warns_and_gives_the_newest(string pointer)
    {
        Save(Store, 1);
        File.WriteAllText(Path.Combine(_folder.Path, "latest"), pointer);
        Assert.Equal("step-00000001", Opened());
        Assert.Contains("latest", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Save_that_fails_at_the_manifest_leaves_everything_as_it_was()
    {
        Save(Store, 1);
        Assert.Throws<TimeoutException>(() => Save(Store, 2, _ => throw new TimeoutException()));
        Assert.Equal(["step-00000001"], Folders);
        Assert.Equal("step-00000001", Opened());
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Save_of_a_tensor_that_cannot_be_written_leaves_everything_as_it_was()
    {
        Save(Store, 1);
        using var scope = torch.NewDisposeScope();
        var complex = new Dictionary<string, IReadOnlyDictionary<string, Tensor>>
        {
            ["denoiser"] = new Dictionary<string, Tensor> { ["weight"] = torch.zeros([2], ScalarType.ComplexFloat32) },
        };
        Assert.ThrowsAny<Exception>(() => Store.Save(complex, _ => throw new InvalidOperationException("the tensors come first")));
        Assert.Equal(["step-00000001"], Folders);
        Assert.Equal("step-00000001", Opened());
    }

    [Fact]
    public void Save_removes_what_a_killed_process_left()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, ".tmp-1-killed"));
        File.WriteAllText(In(".tmp-1-killed", "denoiser.safetensors"), "half");
        Save(Store, 1);
        Assert.Equal(["step-00000001"], Folders);
    }

    [Fact]
    public void Open_leaves_alone_what_another_process_is_writing()
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, ".tmp-1-writing"));
        Assert.Null(Opened());
        Assert.Equal([".tmp-1-writing"], Folders);
    }

    [Fact]
    public void Save_of_the_same_step_replaces_it()
    {
        File.Delete(In(Save(Store, 3), "manifest.json"));
        Save(Store, 3);
        Assert.Equal("step-00000003", Opened());
        Assert.Empty(_warnings);
    }

    [Fact]
    public void Save_of_the_same_state_gives_the_same_bytes()
    {
        var first = Save(Store, 3);
        var files = new[] { "denoiser.safetensors", "manifest.json" };
        var bytes = Array.ConvertAll(files, file => File.ReadAllBytes(In(first, file)));
        Save(Store, 3);
        Assert.Equal(bytes, Array.ConvertAll(files, file => File.ReadAllBytes(In(first, file))));
    }

    [Fact]
    public void Prune_keeps_the_latest_ones_and_the_best()
    {
        foreach (var step in new[] { 1, 2, 3, 4, 5 })
            Save(Store, step);
        Store.Point("best", "step-00000002");
        Store.Prune(2);
        Assert.Equal(["step-00000002", "step-00000004", "step-00000005"], Folders);
    }

    [Fact]
    public void Prune_keeps_the_latest_also_where_abandoned_steps_are_further()
    {
        foreach (var step in new[] { 5, 6, 3 }) // 3 was trained anew after 5 and 6 were found damaged
            Save(Store, step);
        Store.Prune(1);
        Assert.Equal(["step-00000003", "step-00000006"], Folders);
        Assert.Equal("step-00000003", Opened());
    }

    [Fact]
    public void Prune_keeps_the_multiples_for_good()
    {
        foreach (var step in new[] { 4, 8, 12, 16, 20, 24 })
            Save(Store, step);
        Store.Prune(1, keepEvery: 8);
        Assert.Equal(["step-00000008", "step-00000016", "step-00000024"], Folders);
    }

    [Fact]
    public void Recover_sets_aside_what_is_broken()
    {
        Save(Store, 1);
        for (var i = 0; i < 2; i++)
        {
            File.Delete(In(Save(Store, 2), "denoiser.safetensors"));
            Assert.Equal("step-00000001", Store.Recover("latest", _warnings.Add)?.Name);
        }

        Assert.Equal([".corrupt-step-00000002", ".corrupt-step-00000002-2", "step-00000001"], Folders);
        Assert.Contains(".corrupt-step-00000002", _warnings[0], StringComparison.Ordinal);
    }

    [Fact]
    public void Open_leaves_what_is_broken_where_it_is()
    {
        Save(Store, 1);
        File.Delete(In(Save(Store, 2), "denoiser.safetensors"));
        Assert.Equal("step-00000001", Opened());
        Assert.Equal(["step-00000001", "step-00000002"], Folders);
    }

    [Fact]
    public void Recover_leaves_a_later_layout_to_the_program_that_reads_it()
    {
        Save(Store, 1);
        Save(Store, 2, manifest => manifest with { Format = 2 });
        Assert.Equal("step-00000001", Store.Recover("latest", _warnings.Add)?.Name);
        Assert.Equal(["step-00000001", "step-00000002"], Folders);
    }

    [Fact]
    public void Return_to_makes_an_earlier_one_the_latest_with_its_new_manifest()
    {
        foreach (var step in new[] { 1, 2, 3 })
            Save(Store, step);
        Store.Point("best", "step-00000001");
        var best = Store.Open("best", _warnings.Add)!;
        Store.ReturnTo(best, best.Manifest with { Experiment = "again" });
        Assert.Equal(["step-00000001"], Folders);
        Assert.Equal("again", Store.Open("latest", _warnings.Add)!.Manifest.Experiment);
        Assert.Empty(_warnings);
    }
}
