using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Abstractions;

/// <summary>Builds denoisers; the host's view. Implement <see cref="IArchitecture{TOptions}"/>.</summary>
public interface IArchitecture : IPart
{
    /// <inheritdoc cref="IArchitecture{TOptions}.Fit"/>
    object Fit(object options, DiffusionShape shape);

    /// <inheritdoc cref="IArchitecture{TOptions}.Describe"/>
    DenoiserFacts Describe(object options, DiffusionShape shape);

    /// <inheritdoc cref="IArchitecture{TOptions}.Create"/>
    Denoiser Create(object options, PartContext context);

    /// <inheritdoc cref="IArchitecture{TOptions}.CreateControl"/>
    ControlBranch? CreateControl(object options, ControlOptions control, PartContext context) => null;
}

/// <summary>Builds denoisers from options.</summary>
/// <typeparam name="TOptions">The architecture's options.</typeparam>
public interface IArchitecture<TOptions> : IArchitecture, IPart<TOptions>
    where TOptions : class, new()
{
    /// <summary>
    /// Completes options with what an experiment implies (channels in and out, grid sizes) and refuses what cannot work:
    /// a size that does not divide, a value that contradicts the shape.
    /// </summary>
    /// <param name="options">Options as bound from the experiment.</param>
    /// <param name="shape">What the denoiser will be given and must return.</param>
    /// <exception cref="PlanException">The shape and the options cannot go together.</exception>
    TOptions Fit(TOptions options, DiffusionShape shape);

    /// <summary>What is known of a denoiser without building it. Complete options are given.</summary>
    DenoiserFacts Describe(TOptions options, DiffusionShape shape) => new();

    /// <summary>Builds the denoiser with freshly initialised float32 parameters on the context's device. The caller owns it.</summary>
    /// <param name="options">Complete options: channel counts and sizes are set.</param>
    /// <param name="context">Device, precision, logger.</param>
    Denoiser Create(TOptions options, PartContext context);

    /// <summary>
    /// Builds the branch through which an image steers this architecture's denoisers; null, the default, where
    /// it has none. The caller owns it.
    /// </summary>
    /// <param name="options">Complete options of the denoiser that is steered.</param>
    /// <param name="control">The steering image.</param>
    /// <param name="context">Device, precision, logger.</param>
    ControlBranch? CreateControl(TOptions options, ControlOptions control, PartContext context) => null;

    ControlBranch? IArchitecture.CreateControl(object options, ControlOptions control, PartContext context) =>
        CreateControl((TOptions)options, control, context);

    object IArchitecture.Fit(object options, DiffusionShape shape) => Fit((TOptions)options, shape);

    DenoiserFacts IArchitecture.Describe(object options, DiffusionShape shape) => Describe((TOptions)options, shape);

    Denoiser IArchitecture.Create(object options, PartContext context) => Create((TOptions)options, context);
}

/// <summary>What an architecture can say of a denoiser without building it.</summary>
public sealed record DenoiserFacts
{
    /// <summary>Tokens of the transformer's sequence, or null where there is none.</summary>
    public long? Tokens { get; init; }

    /// <summary>
    /// Elements that a forward pass on one sample keeps for the backward pass, or null where it is not known.
    /// The host turns them into bytes by the plan's precision.
    /// </summary>
    public long? ActivationElements { get; init; }

    /// <summary>
    /// The same with <see cref="PartContext.GradientCheckpointing"/>, the block that is computed again included; null
    /// where the network cannot do that.
    /// </summary>
    public long? CheckpointedElements { get; init; }

    /// <summary>The facts of a network that has gradient checkpointing and says what it keeps.</summary>
    public static DenoiserFacts Of(SavedElements saved) =>
        new() { ActivationElements = saved.All, CheckpointedElements = saved.Checkpointed };
}

/// <summary>
/// A network that predicts from a noisy sample. Arguments: the sample <c>[B, C, D, H, W]</c>, the timesteps <c>[B]</c>
/// (float32, 0 is clean, 1000 is pure noise), the conditioning. Result: the prediction, <c>[B, out, D, H, W]</c>.
/// </summary>
/// <param name="name">Name of the module, for messages.</param>
public abstract class Denoiser(string name) : nn.Module<Tensor, Tensor, Conditioning, Tensor>(name)
{
    /// <summary>
    /// Size E of the time embedding that <see cref="Conditioning.Scale"/> and <see cref="Conditioning.Shift"/> modulate,
    /// or 0 if the denoiser takes no such conditioning.
    /// </summary>
    public virtual int EmbeddingSize => 0;
}

/// <summary>A <see cref="Denoiser"/> that shows its features, so that a small head can judge samples by them (arXiv:2405.17880).</summary>
public interface IFeatureExtractor
{
    /// <summary>Channels F of the features.</summary>
    int FeatureChannels { get; }

    /// <summary>
    /// Features <c>[B, F, d, h, w]</c> of a noisy sample, in the current dispose scope. They depend on all of the
    /// conditioning that a prediction depends on.
    /// </summary>
    /// <param name="sample">The noisy sample <c>[B, C, D, H, W]</c>.</param>
    /// <param name="timesteps">The timesteps <c>[B]</c>.</param>
    /// <param name="conditioning">The conditioning.</param>
    Tensor Features(Tensor sample, Tensor timesteps, Conditioning conditioning);
}

/// <summary>
/// Steers a denoiser that it leaves as it is, by tensors that the denoiser adds to what it computes (ControlNet, arXiv:2302.05543).
/// A new branch changes nothing: its last layers start at zero.
/// </summary>
/// <param name="name">Name of the module, for messages.</param>
public abstract class ControlBranch(string name) : nn.Module(name)
{
    /// <summary>What <see cref="Conditioning.Residuals"/> is to be for a prediction with the same arguments.</summary>
    /// <param name="sample">The noisy sample <c>[B, C, D, H, W]</c>.</param>
    /// <param name="timesteps">The timesteps <c>[B]</c>.</param>
    /// <param name="control">The steering image <c>[B, K, D, H, W]</c>.</param>
    /// <param name="conditioning">The denoiser's own conditioning, without <see cref="Conditioning.Residuals"/>.</param>
    /// <returns>Tensors in the denoiser's order, in the current dispose scope.</returns>
    public abstract IReadOnlyList<Tensor> Residuals(Tensor sample, Tensor timesteps, Tensor control, Conditioning conditioning);

    /// <summary>Copies into this branch what it has in common with the denoiser that it will steer.</summary>
    public abstract void StartFrom(Denoiser denoiser);
}

/// <summary>The steering image of a <see cref="ControlBranch"/>.</summary>
public sealed record ControlOptions
{
    /// <summary>Channels of the image.</summary>
    public required int ImageChannels { get; init; }

    /// <summary>
    /// Widths of the layers that embed it; each after the first halves the grid, so one width keeps the denoiser's own grid.
    /// </summary>
    public required IReadOnlyList<int> EmbeddingChannels { get; init; }
}

/// <summary>
/// What a prediction is conditioned on. The tensors belong to the caller.
/// </summary>
public sealed record Conditioning
{
    /// <summary>No condition.</summary>
    public static Conditioning None { get; } = new();

    /// <summary>Image condition <c>[B, K, D, H, W]</c> on the sample's grid, or null.</summary>
    public Tensor? Image { get; init; }

    /// <summary>Scale <c>[B, E]</c> of the time embedding, applied as <c>embedding · (1 + scale) + shift</c>, or null.</summary>
    public Tensor? Scale { get; init; }

    /// <summary>Shift <c>[B, E]</c> of the time embedding, or null.</summary>
    public Tensor? Shift { get; init; }

    /// <summary>
    /// What a <see cref="ControlBranch"/> of the denoiser's architecture computed, for the denoiser to add; null without one.
    /// </summary>
    public IReadOnlyList<Tensor>? Residuals { get; init; }

    /// <summary>The sample followed by the image condition along the channels; the sample itself where there is none.</summary>
    public Tensor Concatenate(Tensor sample) => Image is null ? sample : torch.cat([sample, Image], 1);

    /// <summary>The time embedding <c>[B, E]</c> after scale and shift; the embedding itself where there are none.</summary>
    public Tensor Modulate(Tensor embedding)
    {
        if (Scale is not null)
            embedding = embedding + embedding * Scale;
        return Shift is null ? embedding : embedding + Shift;
    }
}
