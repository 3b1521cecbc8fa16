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

    /// <summary>The terms that take the place of <paramref name="term"/>: itself, changed, or with others beside it.</summary>
    /// <param name="term">One term of the step.</param>
    /// <param name="process">The noise process, for terms at other timesteps.</param>
    /// <param name="random">The stream to draw from.</param>
    public abstract IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random);
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
