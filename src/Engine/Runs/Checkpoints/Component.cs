namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>Names of what a checkpoint holds, each a file of tensors.</summary>
public static class Component
{
    /// <summary>The denoiser's weights.</summary>
    public const string Denoiser = "denoiser";

    /// <summary>What turns scalars into a modulation of the denoiser's time embedding.</summary>
    public const string Conditioning = "conditioning";

    /// <summary>The ControlNet beside a frozen denoiser.</summary>
    public const string Control = "control";

    /// <summary>A compressor that is trained.</summary>
    public const string Compressor = "compressor";

    /// <summary>The discriminator beside it.</summary>
    public const string Discriminator = "discriminator";

    /// <summary>The moments of a component's optimiser: of denoisers and compressors plainly <c>optimizer</c>, which no checkpoint holds twice.</summary>
    public static string OptimizerOf(string component) => IsPlain(component) ? "optimizer" : $"{component}_optimizer";

    /// <summary>A component's moving average: of denoisers and compressors plainly <c>ema</c>.</summary>
    public static string AverageOf(string component) => IsPlain(component) ? "ema" : $"{component}_ema";

    private static bool IsPlain(string component) => component is Denoiser or Compressor;
}
