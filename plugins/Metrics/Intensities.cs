using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Metrics;

/// <summary>The smallest and the largest intensity of volumes.</summary>
internal readonly record struct Intensities(double Low, double High)
{
    public static Intensities Of(Tensor volumes)
    {
        using var scope = NewDisposeScope();
        var numbers = volumes.to_type(ScalarType.Float64); // a half-precision or integer tensor too
        return new(numbers.min().ToDouble(), numbers.max().ToDouble());
    }

    /// <summary>
    /// What to say where they span more than the range that a metric is given, which makes its constants too small; or null.
    /// </summary>
    public string? Beyond(double range, string name) => High - Low <= range * (1 + 1e-6)
        ? null
        : FormattableString.Invariant($"the intensities of {name} run from {Low:G4} to {High:G4}, further than ")
            + FormattableString.Invariant($"the data_range of {range:G4} by which the constants are chosen; set data_range");
}
