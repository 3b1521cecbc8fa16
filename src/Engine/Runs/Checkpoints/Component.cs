using System.Globalization;

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

    /// <summary>The low-rank change of a frozen denoiser.</summary>
    public const string Adapter = "adapter";

    /// <summary>A compressor that is trained.</summary>
    public const string Compressor = "compressor";

    /// <summary>The discriminator beside it.</summary>
    public const string Discriminator = "discriminator";

    /// <summary>
    /// The moments of a component's optimiser: of denoisers and compressors plainly <c>optimizer</c>, which no checkpoint holds twice.
    /// </summary>
    public static string OptimizerOf(string component) => IsPlain(component) ? "optimizer" : $"{component}_optimizer";

    /// <summary>A component's moving average: of denoisers and compressors plainly <c>ema</c>.</summary>
    public static string AverageOf(string component) => IsPlain(component) ? "ema" : $"{component}_ema";

    /// <summary>A component's average of a length σ: <c>ema_0.05</c>.</summary>
    public static string AverageOf(string component, double length) =>
        AverageOf(component) + Length + length.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>The length of the average that a component is of another one; null where it is none.</summary>
    public static double? LengthOf(string component, string average) =>
        average.StartsWith(AverageOf(component) + Length, StringComparison.Ordinal)
        && double.TryParse(
            average[(AverageOf(component) + Length).Length..], NumberStyles.Float, CultureInfo.InvariantCulture, out var length)
            ? length
            : null;

    private const string Length = "_";

    private static bool IsPlain(string component) => component is Denoiser or Compressor;
}
