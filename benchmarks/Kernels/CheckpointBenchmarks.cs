using BenchmarkDotNet.Attributes;
using TorchSharp;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;

namespace VoxelZoo.Kernels;

/// <summary>A checkpoint of training, 182 MB in three files with hashes, beside a plain file of that size; both reach the disk.</summary>
public class CheckpointBenchmarks
{
    private readonly string _folder = Directory.CreateTempSubdirectory("voxelzoo-kernels-").FullName;
    private readonly byte[] _block = new byte[1 << 20];
    private Dictionary<string, IReadOnlyDictionary<string, torch.Tensor>> _components = null!;
    private CheckpointStore _store = null!;
    private long _bytes;

    [GlobalSetup]
    public void Build()
    {
        using var network = QuickstartNetwork.Create();
        var weights = Weights.Of(network);
        _components = new()
        {
            ["denoiser"] = Copies(weights, ""), ["ema"] = Copies(weights, ""),
            ["optimizer"] = Copies(weights, "first.").Concat(Copies(weights, "second.")).ToDictionary(),
        };
        _bytes = _components.Values.SelectMany(named => named.Values).Sum(tensor => tensor.numel() * tensor.element_size());
        _store = new CheckpointStore(Path.Combine(_folder, "checkpoints"));
        Random.Shared.NextBytes(_block);
    }

    /// <summary>What <c>dd bs=1M conv=fsync</c> does.</summary>
    [Benchmark(Baseline = true)]
    public void PlainFile()
    {
        using var file = new FileStream(Path.Combine(_folder, "plain"), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (var left = _bytes; left > 0; left -= _block.Length)
            file.Write(_block, 0, (int)Math.Min(left, _block.Length));
        file.Flush(flushToDisk: true);
    }

    [Benchmark]
    public string Save() => _store.Save(
        _components,
        files => new CheckpointManifest
        {
            Position = new TrainingPosition { Step = 1 }, Random = new Dictionary<string, byte[]>(), Experiment = "", Files = files,
        });

    [GlobalCleanup]
    public void Free()
    {
        foreach (var tensor in _components.Values.SelectMany(named => named.Values))
            tensor.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static Dictionary<string, torch.Tensor> Copies(IReadOnlyDictionary<string, torch.Tensor> weights, string prefix) =>
        weights.ToDictionary(pair => prefix + pair.Key, pair => pair.Value.detach().clone());
}
