using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Engine.Plans;

/// <summary>
/// Trains a low-rank change of some layers of a trained denoiser, and nothing else of it (LoRA, arXiv:2106.09685): <c>training.lora</c>.
/// The weights of a layer are <c>W + α/r·B·A</c>, where W stays as it is.
/// </summary>
public sealed record LoraOptions
{
    /// <summary>Rank r of the change; a layer of fewer rows or columns has that of these. Default 8.</summary>
    [Range(1, 4096)]
    public int Rank { get; init; } = 8;

    /// <summary>α, by which the change is scaled over its rank. Default: the rank, so that it is not scaled.</summary>
    [Range(1e-6, 1e6)]
    public double? Alpha { get; init; }

    /// <summary>
    /// The layers, linear ones and convolutions, by their names in which <c>*</c> stands for anything: <c>['*.attn.*']</c>.
    /// </summary>
    [MinLength(1)]
    public required IReadOnlyList<string> On { get; init; }
}
