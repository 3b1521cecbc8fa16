using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Data;

/// <summary>What a synthetic cohort is to be. The same options give the same images.</summary>
public sealed record SynthesisOptions
{
    /// <summary>Folder with the head: <c>ch2bet.nii.gz</c> and <c>aal.nii.gz</c>. Default <c>samples/colin27</c>.</summary>
    [JsonIgnore]
    public string Source { get; init; } = Path.Combine("samples", "colin27");

    /// <summary>
    /// Seed of everything random. A patient depends on it, on the split and on its number there, not on how
    /// many others there are. Default 42.
    /// </summary>
    public long Seed { get; init; } = 42;

    /// <summary>Patients to train on. Default 8.</summary>
    [Range(0, 10000)]
    public int Train { get; init; } = 8;

    /// <summary>Patients to validate on. Default 2.</summary>
    [Range(0, 10000)]
    public int Val { get; init; } = 2;

    /// <summary>Patients to test on. Default 2.</summary>
    [Range(0, 10000)]
    public int Test { get; init; } = 2;

    /// <summary>Slices D. They share 150 mm, so 150 of them lie 1 mm apart. Default 150.</summary>
    [Range(4, 1024)]
    public int Depth { get; init; } = 150;

    /// <summary>Rows H, which share 240 mm. Default 256.</summary>
    [Range(8, 1024)]
    public int Height { get; init; } = 256;

    /// <summary>Columns W, which share 240 mm. Default 256.</summary>
    [Range(8, 1024)]
    public int Width { get; init; } = 256;

    /// <summary>Fewest metastases in a patient. Default 1.</summary>
    [Range(0, 50)]
    public int MinLesions { get; init; } = 1;

    /// <summary>Most metastases in a patient. Default 5.</summary>
    [Range(0, 50)]
    public int MaxLesions { get; init; } = 5;

    /// <summary>Root mean square of the smooth displacement along each axis in mm. Default 2.5.</summary>
    [Range(0.0, 6.0)]
    public double Deformation { get; init; } = 2.5;

    /// <summary>Root mean square of the logarithm of the bias field. Default 0.06.</summary>
    [Range(0.0, 0.5)]
    public double Bias { get; init; } = 0.06;

    /// <summary>Standard deviation of the receiver's noise, as a part of the intensity of white matter. Default 0.02.</summary>
    [Range(0.0, 0.5)]
    public double Noise { get; init; } = 0.02;

    /// <summary>Voxel size in mm: 150 mm over the slices, 240 mm over rows and columns.</summary>
    [JsonIgnore]
    public Spacing Spacing => new(150.0 / Depth, 240.0 / Height, 240.0 / Width);

    /// <summary>Checks what spans several options.</summary>
    /// <exception cref="PlanException">Two options contradict each other.</exception>
    internal void Validate()
    {
        if (MinLesions > MaxLesions)
            throw new PlanException($"min_lesions {MinLesions} is more than max_lesions {MaxLesions}.", "min_lesions");
        if (Train + Val + Test == 0)
            throw new PlanException("a cohort needs at least one patient; raise train, val or test.", "train");
    }
}
