using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Engine.Data;

/// <summary>What batches hold of the tumours in their masks.</summary>
public sealed record TumourUse
{
    /// <summary>Whether they hold the numbers of tumours by size.</summary>
    public bool Count { get; init; }

    /// <summary>How much a tumour's voxels weigh in the loss, or null for all alike.</summary>
    public RegionWeights? Weights { get; init; }
}

/// <summary>
/// Weights of voxels in the loss by the 3-D Feret diameter of their tumour (classes of RANO-BM); the loss is the mean of weight times
/// squared error, not divided by the weights: <c>training.region_weights</c>.
/// </summary>
public sealed record RegionWeights
{
    /// <summary>Below 10 mm. Default 2.5.</summary>
    [Range(0.0, 1e3)]
    public double Tiny { get; init; } = 2.5;

    /// <summary>From 10 mm. Default 1.8.</summary>
    [Range(0.0, 1e3)]
    public double Small { get; init; } = 1.8;

    /// <summary>From 20 mm. Default 1.4.</summary>
    [Range(0.0, 1e3)]
    public double Medium { get; init; } = 1.4;

    /// <summary>From 30 mm. Default 1.2.</summary>
    [Range(0.0, 1e3)]
    public double Large { get; init; } = 1.2;

    /// <summary>Outside of tumours. Default 1.</summary>
    [Range(0.0, 1e3)]
    public double Background { get; init; } = 1;

    /// <summary>Weight of a tumour of a diameter in mm.</summary>
    public double Of(double diameter) => TumourClasses.Of(diameter) switch
    {
        TumourClass.Tiny => Tiny,
        TumourClass.Small => Small,
        TumourClass.Medium => Medium,
        _ => Large,
    };

    /// <summary>Writes the weight of each voxel; what lies beyond the labels is background.</summary>
    internal void Fill(Tumours tumours, Span<float> weights)
    {
        weights.Fill((float)Background);
        for (var i = 0; i < tumours.Labels.Count; i++)
        {
            if (tumours.Labels[i] is > 0 and var label)
                weights[i] = (float)Of(tumours.Diameters[label - 1]);
        }
    }
}
