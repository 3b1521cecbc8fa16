using BenchmarkDotNet.Attributes;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;

namespace VoxelZoo.Kernels;

/// <summary>A component of a checkpoint, 46 MB: written as far as the disk, and read.</summary>
public class SafetensorsBenchmarks
{
    private readonly string _folder = Directory.CreateTempSubdirectory("voxelzoo-kernels-").FullName;
    private Denoiser _network = null!;

    private string File => Path.Combine(_folder, "denoiser.safetensors");

    [GlobalSetup]
    public void Build()
    {
        _network = QuickstartNetwork.Create();
        Write();
    }

    [Benchmark]
    public void Write() => SafetensorsFile.Write(File, Weights.Of(_network));

    [Benchmark]
    public void Read()
    {
        using var tensors = SafetensorsFile.Read(File);
    }

    [GlobalCleanup]
    public void Free()
    {
        _network.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
