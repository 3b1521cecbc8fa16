using System.ComponentModel.DataAnnotations;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>What is generated from what: the experiment's section <c>condition</c>.</summary>
public sealed record ConditionOptions
{
    /// <summary>Kinds of images that the denoiser sees beside the noisy target, e.g. <c>[seg]</c>. Default: none.</summary>
    public IReadOnlyList<string> Images { get; init; } = [];

    /// <summary>
    /// Probability with which a training sample's condition, images, size bins and modality together, is left away, so that guidance can be
    /// used when sampling. Default 0.
    /// </summary>
    [Range(0.0, 1.0)]
    public double Dropout { get; init; }

    /// <summary>
    /// Whether the denoiser is told where it is: three more channels that go from −1 to 1 along D, H and W (arXiv:1807.03247). Heads lie
    /// alike in their volumes, and a convolution learns that slowly by itself. They are never dropped. Default false.
    /// </summary>
    public bool Coordinates { get; init; }

    /// <summary>Numbers of tumours by size that a mask is generated from. Default: none.</summary>
    public SizeBinOptions? SizeBins { get; init; }

    /// <summary>
    /// Kinds of images of which the denoiser learns to make one at a time, told which by an embedding, a shift of the time embedding; in
    /// training each patient counts once for each of them. <c>target</c> is the one that is sampled and evaluated. Default: it learns
    /// <c>target</c> alone.
    /// </summary>
    public IReadOnlyList<string>? Modalities { get; init; }

    /// <summary>
    /// Leads <see cref="Images"/> through a ControlNet beside a frozen denoiser, instead of into the denoiser itself. Default: no.
    /// </summary>
    public ControlNetOptions? Control { get; init; }

    /// <summary>Whether anything conditions the denoiser that could be left away.</summary>
    internal bool CanBeDropped => Images.Count > 0 || SizeBins is not null || Modalities is not null;

    /// <summary>Channels that <see cref="Coordinates"/> and <see cref="SizeBins"/> add to the denoiser's input.</summary>
    internal int AddedChannels => (Coordinates ? 3 : 0) + (SizeBins is { Through: SizeBinRoute.Maps } ? Data.TumourSizes.Edges.Count : 0);
}

/// <summary>How the numbers of tumours in seven bins of size reach the denoiser: <c>condition.size_bins</c>.</summary>
public sealed record SizeBinOptions
{
    /// <summary>The way in. Default film.</summary>
    public SizeBinRoute Through { get; init; } = SizeBinRoute.Film;

    /// <summary>Length of the embedding of each bin's count; only with film. Default 32.</summary>
    [Range(1, 4096)]
    public int Embedding { get; init; } = 32;

    /// <summary>
    /// Width of the hidden layers between the embeddings and scale and shift; only with film. Default: twice the time embedding.
    /// </summary>
    [Range(1, 65536)]
    public int? Hidden { get; init; }

    /// <summary>Number of hidden layers; only with film. Default 1.</summary>
    [Range(1, 64)]
    public int Layers { get; init; } = 1;
}

/// <summary>Ways of size bins into a denoiser.</summary>
public enum SizeBinRoute
{
    /// <summary>Scale and shift of the time embedding (FiLM, arXiv:1709.07871). Without the condition, neither.</summary>
    Film,

    /// <summary>Seven constant channels of count/10 after the noisy sample. Without the condition, −1, which is not "no tumour".</summary>
    Maps,
}

/// <summary>A ControlNet beside a frozen denoiser (arXiv:2302.05543): <c>condition.control</c>.</summary>
public sealed record ControlNetOptions : IWeightSource
{
    /// <summary>
    /// Widths of the layers that embed the steering image. Each after the first would halve it, and the image lies on the latent's own
    /// grid: one width. Default [32].
    /// </summary>
    [MinLength(1)]
    public IReadOnlyList<int> Channels { get; init; } = [32];

    /// <summary>What the branch's tensors are multiplied by, in training and in sampling. Default 1.</summary>
    [Range(0.0, 100.0)]
    public double Scale { get; init; } = 1;

    /// <summary>The run whose denoiser is steered: its folder, or the id of its experiment for the newest one in <c>runs</c>.</summary>
    public string? From { get; init; }

    /// <summary>An experiment that is trained first, into this run's folder, to be steered then; instead of <see cref="From"/>.</summary>
    public TrainFirstOptions? TrainFirst { get; init; }
}
