using BenchmarkDotNet.Attributes;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.Metrics;
using VoxelZoo.Plugins.WDM;

namespace VoxelZoo.Kernels;

/// <summary>What is computed on whole volumes.</summary>
public class VolumeBenchmarks
{
    private Compressor _haar = null!;
    private Metric _similarity = null!;
    private torch.Tensor _volume = null!, _latent = null!, _real = null!, _generated = null!;

    [GlobalSetup]
    public void Build()
    {
        _haar = new HaarCompressor().Create(new HaarOptions(), QuickstartNetwork.Context);
        _similarity = new MsSsimMetric().Create(new MsSsimOptions(), QuickstartNetwork.Context);
        _volume = torch.rand([1, 1, 128, 128, 128]);
        _latent = _haar.Encode(_volume);
        _real = torch.rand([1, 1, 64, 64, 64]);
        _generated = torch.rand([1, 1, 64, 64, 64]);
    }

    /// <summary>128³ voxels to eight bands.</summary>
    [Benchmark]
    public void HaarEncode() => _haar.Encode(_volume).Dispose();

    /// <summary>And back.</summary>
    [Benchmark]
    public void HaarDecode() => _haar.Decode(_latent).Dispose();

    /// <summary>Of two volumes of 64³ voxels, on three scales.</summary>
    [Benchmark]
    public double? MsSsim() => _similarity.Compute(_real, _generated).Value;

    [GlobalCleanup]
    public void Free()
    {
        foreach (var tensor in new[] { _volume, _latent, _real, _generated })
            tensor.Dispose();
        _haar.Dispose();
    }
}
