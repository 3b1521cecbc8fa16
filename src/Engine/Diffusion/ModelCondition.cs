using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Engine.Training;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Diffusion;

/// <summary>What predictions for a batch are conditioned on, before any network has seen it. The tensors belong to the caller.</summary>
public sealed record ModelCondition
{
    /// <summary>Nothing.</summary>
    public static ModelCondition None { get; } = new();

    /// <summary>Latent of the image condition <c>[B, K, d, h, w]</c>, or null. Zeros where it was left away.</summary>
    public Tensor? Image { get; init; }

    /// <summary>
    /// Where each voxel was before an augmentation moved it, <c>[B, 3, d, h, w]</c>; null where nothing did, or the
    /// denoiser is told no coordinates.
    /// </summary>
    public Tensor? Coordinates { get; init; }

    /// <summary>
    /// Numbers of tumours by size bin, int64 <c>[B, 7]</c>, or null. −1 where they were left away, which is not "no tumour".
    /// </summary>
    public Tensor? SizeBins { get; init; }

    /// <summary>
    /// Which of several modalities is made, int64 <c>[B]</c>, or null where there is one alone. −1 where it was left away.
    /// </summary>
    public Tensor? Modality { get; init; }

    /// <summary>What an augmentation tells, <c>[B, n]</c>, or null.</summary>
    public Tensor? Omega { get; init; }

    /// <summary>The condition left away in some samples of the batch.</summary>
    /// <param name="kept">Boolean <c>[B]</c>; false where it is left away.</param>
    public ModelCondition Keep(Tensor kept) => this with
    {
        Image = Image is null ? null : Image * kept.to(Image.dtype).to(Image.device).view(-1, 1, 1, 1, 1),
        SizeBins = SizeBins is null
            ? null
            : torch.where(kept.to(SizeBins.device).unsqueeze(1), SizeBins, torch.full_like(SizeBins, S(-1L))),
        Modality = Modality is null ? null : torch.where(kept.to(Modality.device), Modality, torch.full_like(Modality, S(-1L))),
    };

    /// <summary>A single sample's condition for so many samples.</summary>
    public ModelCondition Repeat(int samples) => this with
    {
        Image = Image?.expand(samples, -1, -1, -1, -1),
        SizeBins = SizeBins?.expand(samples, -1),
        Modality = Modality?.expand(samples),
        Omega = Omega?.expand(samples, -1),
    };

    /// <summary>The condition of some samples of the batch.</summary>
    public ModelCondition Rows(MicroBatch samples) => this with
    {
        Image = Image is null ? null : samples.Rows(Image),
        SizeBins = SizeBins is null ? null : samples.Rows(SizeBins),
        Modality = Modality is null ? null : samples.Rows(Modality),
        Omega = Omega is null ? null : samples.Rows(Omega),
    };

    /// <summary>The condition left away in all samples.</summary>
    public ModelCondition Unconditional() => this with
    {
        Image = Image is null ? null : torch.zeros_like(Image),
        SizeBins = SizeBins is null ? null : torch.full_like(SizeBins, S(-1L)),
        Modality = Modality is null ? null : torch.full_like(Modality, S(-1L)),
    };
}
