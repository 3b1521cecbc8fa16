using TorchSharp;

/// <summary>Counts of live tensors, which are those of the whole process.</summary>
internal static class LiveTensors
{
    /// <summary>
    /// The number of tensors after what earlier tests left to the collector is gone, to count from: later ones are read plainly, as a
    /// collection there would hide the leak that is looked for.
    /// </summary>
    public static long Settled()
    {
        for (var i = 0; i < 2; i++) // what is finalized may have held something else
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        return torch.Tensor.TotalCount;
    }
}
