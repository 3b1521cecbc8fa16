using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using TorchSharp;
using VoxelZoo.Engine.Distributed.Mpi;
using VoxelZoo.Host.Cluster;
using VoxelZoo.Tensors;

namespace VoxelZoo.Host.Diagnosis;

/// <summary>What a machine has beside its CPU, as <c>doctor</c> tells it: facts for JSON, and the same in words.</summary>
internal static class Machine
{
    private const long Mebibyte = 1024 * 1024;

    /// <summary>SLURM, or null where it is not installed.</summary>
    public static JsonObject? Slurm()
    {
        if (Cluster.Slurm.Version() is not { } version)
            return null;
        var why = Cluster.Slurm.WhyNoPmix();
        return new JsonObject
        {
            ["version"] = version,
            ["mpi"] = new JsonArray([.. Cluster.Slurm.MpiPlugins().Select(plugin => JsonValue.Create(plugin))]),
            ["pmix"] = why is null,
            ["reason"] = why,
        };
    }

    /// <summary>Open MPI, or null where it does not load.</summary>
    public static JsonObject? Mpi() => MpiCollective.IsInstalled ? new JsonObject { ["library"] = MpiCollective.Library } : null;

    /// <summary>The GPUs that libtorch finds. Only where libtorch loads.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static JsonArray Gpus() =>
    [
        .. Enumerable.Range(0, torch.cuda.is_available() ? torch.cuda.device_count() : 0).Select(index => new JsonObject
        {
            ["index"] = index,
            ["free_mebibytes"] = MemoryStatistics.Accelerator(new torch.Device(DeviceType.CUDA, index))?.Free / Mebibyte,
            ["total_mebibytes"] = MemoryStatistics.Accelerator(new torch.Device(DeviceType.CUDA, index))?.Total / Mebibyte,
        }),
    ];

    /// <summary>Memory that this process may still take, and all that it may have. Only where libtorch loads.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    public static JsonObject Memory() => new()
    {
        ["available_mebibytes"] = MemoryStatistics.Available / Mebibyte,
        ["total_mebibytes"] = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / Mebibyte,
    };

    /// <summary>Free space where runs are left, which is the working folder unless told otherwise, and for temporary files.</summary>
    public static JsonArray Disk() =>
    [
        .. new[] { Environment.CurrentDirectory, Path.GetTempPath() }.Select(
            folder => new JsonObject { ["path"] = folder, ["free_mebibytes"] = Free(folder) / Mebibyte }),
    ];

    /// <summary>Bytes that are free where a folder is; null where it is none, as a variable may name anything.</summary>
    private static long? Free(string folder)
    {
        try
        {
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }

    /// <summary>Mebibytes as a person reads them.</summary>
    public static string Shown(JsonNode? mebibytes) => mebibytes is null ? "unknown" : ByteCount.Shown((long)mebibytes * Mebibyte);
}
