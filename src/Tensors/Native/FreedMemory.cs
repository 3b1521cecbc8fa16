namespace VoxelZoo.Tensors.Native;

/// <summary>
/// What the C library does with the memory of tensors that are freed. By itself it hands that of large ones back to the system, which
/// clears it, page by page, for the next ones: up to half of the CPU time of a training step was seen to go there
/// (docs/performance.md).
/// </summary>
internal static class FreedMemory
{
    // by which a user may say it otherwise: the C library reads them as a program starts
    private static readonly string[] Variables =
        ["MALLOC_MMAP_MAX_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_"];

    /// <summary>
    /// Keeps it for the tensors that come next, up to two gigabytes of it, unless the user chose. Does nothing where the C library is not
    /// GNU's.
    /// </summary>
    internal static void Keep()
    {
        if (IsChosen())
            return;
        Malloc.Set(Malloc.MappedBlocks, 0);
        Malloc.Set(Malloc.TrimThreshold, int.MaxValue);
    }

    private static bool IsChosen() =>
        Variables.Any(variable => Environment.GetEnvironmentVariable(variable) is not null)
        || Environment.GetEnvironmentVariable("GLIBC_TUNABLES")?.Contains("glibc.malloc.", StringComparison.Ordinal) == true;
}
