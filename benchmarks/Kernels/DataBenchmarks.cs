using BenchmarkDotNet.Attributes;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Data.Synthesis;
using VoxelZoo.Engine.Nifti;

namespace VoxelZoo.Kernels;

/// <summary>From files to batches.</summary>
public class DataBenchmarks
{
    private const int Depth = 32, Edge = 64;

    private static readonly string Head = Path.Combine(AppContext.BaseDirectory, "colin27");

    private readonly string _folder = Directory.CreateTempSubdirectory("voxelzoo-kernels-").FullName;
    private BatchLoader _kept = null!, _read = null!;

    [GlobalSetup]
    public void Make()
    {
        var cohort = Path.Combine(_folder, "cohort");
        CohortSynthesizer.Run(
            new SynthesisOptions { Source = Head, Train = 4, Val = 0, Test = 0, Depth = Depth, Height = Edge, Width = Edge }, cohort);
        (_kept, _read) = (Loader(cohort, cacheMegabytes: 4096), Loader(cohort, cacheMegabytes: 0));
    }

    /// <summary>A batch of two patients, an image and a mask each, that are kept in memory.</summary>
    [Benchmark]
    public void BatchOfKept()
    {
        using var batch = _kept.Next();
    }

    /// <summary>The same read from gzip each time.</summary>
    [Benchmark]
    public void BatchOfRead()
    {
        using var batch = _read.Next();
    }

    /// <summary>A head of 181×217×181 bytes, 1.3 MB of gzip.</summary>
    [Benchmark]
    public NiftiVolume NiftiGzip() => NiftiFile.Read(Path.Combine(Head, "ch2bet.nii.gz"));

    [GlobalCleanup]
    public void Free()
    {
        _kept.Dispose();
        _read.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static BatchLoader Loader(string cohort, int cacheMegabytes)
    {
        var options = new DataOptions
        {
            Cohort = cohort, Depth = Depth, OriginalDepth = Depth, Height = Edge, Width = Edge, SlicePitch = 150.0 / Depth,
            CacheMegabytes = cacheMegabytes,
        };
        var samples = new CohortDataset(Cohort.Open(cohort), Cohort.Train, options, [ImageKinds.Bravo, ImageKinds.Seg]);
        return new BatchLoader(samples, batchSize: 2, seed: 1, workers: 1);
    }
}
