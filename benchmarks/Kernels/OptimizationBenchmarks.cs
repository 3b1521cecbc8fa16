using BenchmarkDotNet.Attributes;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;

namespace VoxelZoo.Kernels;

/// <summary>What follows the backward pass: AdamW, and the moving average of the weights.</summary>
public class OptimizationBenchmarks
{
    private Denoiser _network = null!;
    private FusedAdamW _optimizer = null!;
    private ExponentialMovingAverage _average = null!;

    [GlobalSetup]
    public void Build()
    {
        _network = QuickstartNetwork.Create();
        foreach (var (_, parameter) in _network.named_parameters())
            parameter.grad = torch.randn_like(parameter);
        _optimizer = new FusedAdamW(_network.named_parameters(), new AdamWOptions());
        _average = new ExponentialMovingAverage(_network, new ExponentialMovingAverageOptions { UpdateEvery = 1, UpdateAfterStep = 0 });
    }

    [Benchmark]
    public void AdamW() => _optimizer.Step();

    [Benchmark]
    public void Average() => _average.Update();

    [GlobalCleanup]
    public void Free()
    {
        _average.Dispose();
        _optimizer.Dispose();
        _network.Dispose();
    }
}
