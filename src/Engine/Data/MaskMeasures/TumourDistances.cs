using System.Text.Json.Serialization;

namespace VoxelZoo.Engine.Data.MaskMeasures;

/// <summary>
/// Wasserstein-1 distances between the tumours of generated masks and those of real ones, each null where one side has no tumour. A tumour
/// is a 26-connected component of three voxels or more.
/// </summary>
public sealed record TumourDistances
{
    /// <summary>The split of the real masks.</summary>
    public required string Against { get; init; }

    /// <summary>Real masks in it.</summary>
    public required int RealVolumes { get; init; }

    /// <summary>Of ln(1 + volume in mm³).</summary>
    public required double? Volume { get; init; }

    /// <summary>Of ln(1 + 3-D Feret diameter in mm).</summary>
    public required double? Diameter { get; init; }

    /// <summary>Of the centres along D, as shares of the volume's length.</summary>
    public required double? Depth { get; init; }

    /// <summary>Along H.</summary>
    public required double? Height { get; init; }

    /// <summary>Along W.</summary>
    public required double? Width { get; init; }

    /// <summary>Of the number of tumours of a mask.</summary>
    public required double? Count { get; init; }

    /// <summary>The sum of all six.</summary>
    public required double? Total { get; init; }

    /// <summary>The names of <see cref="Values"/>.</summary>
    public static IReadOnlyList<string> Names { get; } =
        ["volume", "diameter", "place along D", "place along H", "place along W", "number", "sum"];

    /// <summary>All of them, in the order of <see cref="Names"/>.</summary>
    [JsonIgnore]
    public IReadOnlyList<double?> Values => [Volume, Diameter, Depth, Height, Width, Count, Total];

    internal static TumourDistances Of(string against, IReadOnlyList<MaskTumours> real, IReadOnlyList<MaskTumours> generated)
    {
        double? Each(Func<MaskTumour, double> of) => Wasserstein.Distance(Numbers(real, of), Numbers(generated, of));
        var (volume, diameter) = (Each(tumour => Math.Log(1 + tumour.Volume)), Each(tumour => Math.Log(1 + tumour.Diameter)));
        var (depth, height, width) = (Each(tumour => tumour.Depth), Each(tumour => tumour.Height), Each(tumour => tumour.Width));
        var count = Wasserstein.Distance([.. real.Select(Count)], [.. generated.Select(Count)]);
        return new TumourDistances
        {
            Against = against,
            RealVolumes = real.Count,
            Volume = volume,
            Diameter = diameter,
            Depth = depth,
            Height = height,
            Width = width,
            Count = count,
            Total = volume + diameter + depth + height + width + count,
        };

        static double Count(MaskTumours mask) => mask.Tumours.Count;
    }

    private static double[] Numbers(IReadOnlyList<MaskTumours> masks, Func<MaskTumour, double> of) =>
        [.. masks.SelectMany(mask => mask.Tumours).Select(of)];
}
