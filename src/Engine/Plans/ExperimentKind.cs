namespace VoxelZoo.Engine.Plans;

/// <summary>What an experiment trains.</summary>
public enum ExperimentKind
{
    /// <summary>A denoiser.</summary>
    Diffusion,

    /// <summary>A compressor.</summary>
    Compression,
}

/// <summary>Tells experiments apart.</summary>
public static class ExperimentKinds
{
    /// <summary>An experiment trains its compressor where it names one, and neither architecture nor strategy.</summary>
    /// <param name="names">Whether the experiment names a section.</param>
    public static ExperimentKind Of(Func<string, bool> names) =>
        names("compressor") && !names("architecture") && !names("strategy") ? ExperimentKind.Compression : ExperimentKind.Diffusion;
}
