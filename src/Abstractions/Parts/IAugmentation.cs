using static TorchSharp.torch;

namespace VoxelZoo.Abstractions;

/// <summary>Builds augmentations; the host's view. Implement <see cref="IAugmentation{TOptions}"/>.</summary>
public interface IAugmentation : IPart
{
    /// <inheritdoc cref="IAugmentation{TOptions}.Create"/>
    Augmentation Create(object options, DiffusionShape shape, PartContext context);
}

/// <summary>Builds augmentations from options.</summary>
/// <typeparam name="TOptions">The augmentation's options.</typeparam>
public interface IAugmentation<TOptions> : IAugmentation, IPart<TOptions>
    where TOptions : class, new()
{
    /// <summary>Builds the augmentation.</summary>
    /// <exception cref="PlanException">The shape does not allow it, e.g. a quarter turn of a grid that is not square.</exception>
    Augmentation Create(TOptions options, DiffusionShape shape, PartContext context);

    Augmentation IAugmentation.Create(object options, DiffusionShape shape, PartContext context) =>
        Create((TOptions)options, shape, context);
}

/// <summary>Changes the terms of which a training step's loss is the weighted sum.</summary>
public abstract class Augmentation
{
    /// <summary>Length of <see cref="TrainingTerm.Omega"/> that this augmentation sets, or 0.</summary>
    public virtual int OmegaSize => 0;

    /// <summary>
    /// Whether a term's samples are made of several of the batch's, so that it needs two or more, and conditions that
    /// can be mixed. By default false.
    /// </summary>
    public virtual bool MixesSamples => false;

    /// <summary>
    /// Whether it changes volumes, by <see cref="ApplyToVolumes"/>, before the compressor sees them. Hosts refuse it where latents are
    /// computed once for all epochs, as those of learned compressors are. Default false. Since contract 1.5.
    /// </summary>
    public virtual bool ChangesVolumes => false;

    /// <summary>
    /// The volumes of a training step that take the place of the given ones: as many, of the same shapes, images within their range, masks
    /// still 0 or 1. What moves voxels moves those of all images and of <see cref="TrainingVolumes.VoxelWeights"/> alike, and none from
    /// slice to slice, as the last ones may be padding. What is drawn is drawn for the step as a whole: of several processes each has some
    /// of its samples, and the same stream. Called before <see cref="Apply"/>, where <see cref="ChangesVolumes"/>. Default: the
    /// given ones. Since contract 1.5.
    /// </summary>
    /// <param name="volumes">The step's volumes. Their tensors stay as they are: what changes is a new tensor.</param>
    /// <param name="random">The stream to draw from.</param>
    public virtual TrainingVolumes ApplyToVolumes(TrainingVolumes volumes, Generator random) => volumes;

    /// <summary>
    /// The terms that take the place of <paramref name="term"/>: itself, changed, or with others beside it. Default: itself.
    /// </summary>
    /// <param name="term">One term of the step.</param>
    /// <param name="process">The noise process, for terms at other timesteps.</param>
    /// <param name="random">The stream to draw from.</param>
    public virtual IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random) => [term];
}

/// <summary>The volumes of a training step before the compressor sees them. Since contract 1.5.</summary>
public sealed record TrainingVolumes
{
    /// <summary>The images that the experiment reads, targets and conditions.</summary>
    public required IReadOnlyList<TrainingImage> Images { get; init; }

    /// <summary>Weight of each voxel in the loss, <c>[B, 1, D, H, W]</c>, or null where all are alike.</summary>
    public Tensor? VoxelWeights { get; init; }
}

/// <summary>One image of each sample of a training step. Since contract 1.5.</summary>
/// <param name="Kind">Its kind as experiments name it, such as <c>bravo</c> or <c>seg</c>.</param>
/// <param name="Voxels">Float32 <c>[B, 1, D, H, W]</c>, on the CPU.</param>
/// <param name="IsMask">Whether its voxels are 0 or 1 and name a region; else they are intensities.</param>
public sealed record TrainingImage(string Kind, Tensor Voxels, bool IsMask)
{
    /// <summary>The least value that voxels have. Default 0.</summary>
    public double Low { get; init; }

    /// <summary>The largest. Default 1.</summary>
    public double High { get; init; } = 1;
}

/// <summary>One term of a training step's loss: <c>weight · mean(voxel weights · (f(noisy, t, condition, omega) − target)²)</c>.</summary>
public sealed record TrainingTerm
{
    /// <summary>The clean latent x0, <c>[B, C, D, H, W]</c>.</summary>
    public required Tensor Clean { get; init; }

    /// <summary>The noise ε, like <see cref="Clean"/>.</summary>
    public required Tensor Noise { get; init; }

    /// <summary>The timesteps, float32 <c>[B]</c>.</summary>
    public required Tensor Timesteps { get; init; }

    /// <summary>The noisy latent x_t.</summary>
    public required Tensor Noisy { get; init; }

    /// <summary>What the denoiser should return.</summary>
    public required Tensor Target { get; init; }

    /// <summary>The image condition, or null.</summary>
    public Tensor? Condition { get; init; }

    /// <summary>
    /// Weight of each voxel in the loss, <c>[B, 1, D, H, W]</c>, or null for all alike: 0 where a volume is only padded. What moves voxels
    /// moves it too.
    /// </summary>
    public Tensor? VoxelWeights { get; init; }

    /// <summary>What the denoiser is told of the augmentation, <c>[B, OmegaSize]</c>, or null.</summary>
    public Tensor? Omega { get; init; }

    /// <summary>Weight of the term in the loss.</summary>
    public double Weight { get; init; } = 1;
}
