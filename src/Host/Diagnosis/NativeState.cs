using System.Runtime.CompilerServices;
using VoxelZoo.Tensors.Native;

namespace VoxelZoo.Host.Diagnosis;

/// <summary>How libtorch was loaded, or why it was not.</summary>
/// <param name="Libtorch">Its folder.</param>
/// <param name="Shim">TorchSharp's native library.</param>
/// <param name="Cure">What had to be done to load it.</param>
/// <param name="Fault">Why it does not load, or cannot be trusted; null where it does and can.</param>
internal sealed record NativeState(string? Libtorch, string? Shim, string? Cure, string? Fault)
{
    /// <summary>Everything that was cured, a sentence each.</summary>
    public IReadOnlyList<string> Cures { get; init; } = [];

    /// <summary>The CPU's caches as oneDNN sees them, or null where that cannot be known.</summary>
    public IReadOnlyList<(int Level, long Bytes, int Sharing)>? Caches { get; init; }

    /// <summary>Loads it.</summary>
    public static NativeState Load()
    {
        try
        {
            return LoadLibraries();
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            return new NativeState(null, null, null, (e.InnerException ?? e).Message);
        }
    }

    // a method of its own and a record of ours: once loading has failed, whatever touches that assembly throws when it is compiled
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static NativeState LoadLibraries()
    {
        var report = NativeTorch.Load();
        return new NativeState(report.Libtorch, report.Shim, report.Cure, null)
        {
            Cures = report.Cures,
            Caches = report.Convolutions?.Caches?.Select(cache => (cache.Level, cache.Bytes, cache.Sharing)).ToArray(),
        };
    }
}
