using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Tests.Runs.Checkpoints;

/// <summary>Every operation on files fails once, in every way; the store never loses what it had.</summary>
public sealed class FaultTests
{
    private static readonly string[] Components = ["denoiser", "optimizer"];

    private static void Save(CheckpointStore store, long step)
    {
        using var scope = torch.NewDisposeScope();
        var tensors = Components.ToDictionary(
            component => component,
            component => (IReadOnlyDictionary<string, Tensor>)new Dictionary<string, Tensor>
            {
                ["a"] = torch.full([70], S(step), ScalarType.Float32),
                ["b"] = torch.full([3], S(-step), ScalarType.Float32),
            });
        var name = store.Save(tensors, files => new CheckpointManifest
        {
            Position = new TrainingPosition { Step = step },
            Random = new Dictionary<string, byte[]>(),
            Experiment = "",
            Files = files,
        });
        store.Point("best", name);
        store.Prune(1);
    }

    /// <summary>The step that a reader finds, whose numbers are all as they were saved.</summary>
    private static long Read(string folder, List<string> warnings)
    {
        var checkpoint = new CheckpointStore(folder).Open("latest", warnings.Add)!;
        var step = checkpoint.Manifest.Position.Step;
        foreach (var component in Components)
        {
            using var tensors = checkpoint.Read(component);
            Assert.All(tensors["a"].data<float>().ToArray(), value => Assert.Equal(step, value));
            Assert.All(tensors["b"].data<float>().ToArray(), value => Assert.Equal(-step, value));
        }

        return step;
    }

    [Theory]
    [InlineData(Fault.NoSpace)]
    [InlineData(Fault.InputOutput)]
    [InlineData(Fault.ShortWrite)]
    [InlineData(Fault.Kill)]
    public void Latest_is_the_one_before_or_the_new_one_whichever_operation_fails(Fault fault)
    {
        var (found, operations) = (new HashSet<long>(), 0);
        for (var failed = true; failed; operations++)
        {
            using var folder = new TemporaryFolder();
            Save(new CheckpointStore(folder.Path), 1);
            var files = new FaultyFiles(fault, operations + 1);
            var (saved, warnings) = (false, new List<string>());
            try
            {
                Save(new CheckpointStore(folder.Path, files), 2);
                saved = true;
            }
            catch (Exception e) when (e is IOException or KilledException)
            {
            }

            failed = files.Failed;
            var step = Read(folder.Path, warnings);
            Assert.InRange(step, saved ? 2 : 1, 2);
            Assert.Empty(warnings);
            found.Add(step);

            Save(new CheckpointStore(folder.Path), 3);
            Assert.Equal(3, Read(folder.Path, warnings));
            Assert.Equal(["step-00000003"], Directory.GetDirectories(folder.Path).Select(Path.GetFileName)); // nothing is left over
        }

        Assert.Equal([1L, 2L], found.Order());
        Assert.InRange(operations, 30, 200);
    }

    [Theory]
    [InlineData(Fault.InputOutput)]
    [InlineData(Fault.Kill)]
    public void Going_back_is_done_or_not_whichever_operation_fails(Fault fault)
    {
        for (var (failed, n) = (true, 1); failed; n++)
        {
            using var folder = new TemporaryFolder();
            var store = new CheckpointStore(folder.Path);
            Save(store, 1);
            Save(store, 2);
            var best = store.Open("best", _ => { })!;
            var files = new FaultyFiles(fault, n);
            try
            {
                new CheckpointStore(folder.Path, files).ReturnTo(best, best.Manifest with { Experiment = "again" });
            }
            catch (Exception e) when (e is IOException or KilledException)
            {
            }

            failed = files.Failed;
            var warnings = new List<string>();
            Assert.Equal(2, Read(folder.Path, warnings));
            Assert.Empty(warnings);
        }
    }

    [Fact]
    public void Without_room_nothing_is_written_and_the_sizes_are_said()
    {
        using var folder = new TemporaryFolder();
        Save(new CheckpointStore(folder.Path), 1);
        var full = new FaultyFiles(Fault.Full, fails: 0);
        var error = Assert.Throws<IOException>(() => Save(new CheckpointStore(folder.Path, full), 2));
        Assert.Matches(@"takes [\d.]+ \w+ and .+ has [\d.]+ \w+ free", error.Message);
        Assert.Equal(1, Read(folder.Path, []));
    }
}
