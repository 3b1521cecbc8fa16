using static TorchSharp.torch;

namespace VoxelZoo.Abstractions;

/// <summary>Builds samplers; the host's view. Implement <see cref="ISampler{TOptions}"/>.</summary>
public interface ISampler : IPart
{
    /// <inheritdoc cref="ISampler{TOptions}.Create"/>
    Sampler Create(object options, PartContext context);
}

/// <summary>Builds samplers from options.</summary>
/// <typeparam name="TOptions">The sampler's options.</typeparam>
public interface ISampler<TOptions> : ISampler, IPart<TOptions>
    where TOptions : class, new()
{
    /// <summary>Builds the sampler.</summary>
    Sampler Create(TOptions options, PartContext context);

    Sampler ISampler.Create(object options, PartContext context) => Create((TOptions)options, context);
}

/// <summary>Turns noise into samples by calling the denoiser.</summary>
public abstract class Sampler
{
    /// <summary>Samples the task's whole batch. The result belongs to the caller's dispose scope.</summary>
    public abstract Tensor Sample(SamplingTask task);

    /// <summary>
    /// Samples of a set of their own that this sampler observes before it draws any, because it learns something from them, such as
    /// thresholds. The host keeps what it learned with the run, so that all processes and later commands sample by the same. Default:
    /// none. Since contract 1.3.
    /// </summary>
    public virtual int WarmUpSamples => 0;

    /// <summary>
    /// Seed of those samples' noise and of their streams; not that of the volumes that are sampled. Default 0. Since contract 1.3.
    /// </summary>
    public virtual long WarmUpSeed => 0;

    /// <summary>Observes one of those samples. Called with a task of one sample. Since contract 1.3.</summary>
    /// <param name="task">The task, with noise of its own.</param>
    public virtual double[] Observe(SamplingTask task) => [];

    /// <summary>
    /// What is learned from all of them: <see cref="SamplingTask.Learned"/> of each task that is sampled. Since contract 1.3.
    /// </summary>
    /// <param name="observations">What <see cref="Observe"/> returned, in order.</param>
    public virtual double[] Learn(IReadOnlyList<double[]> observations) => [];
}

/// <summary>
/// The network's raw prediction for the sample <c>[B, C, D, H, W]</c> at timestep <paramref name="t"/>, guidance included.
/// </summary>
/// <param name="sample">The noisy sample.</param>
/// <param name="t">The timestep of the whole batch, 0 to 1000.</param>
public delegate Tensor Predictor(Tensor sample, double t);

/// <summary>What a sampler is given.</summary>
public sealed record SamplingTask
{
    /// <summary>Pure noise, <c>[B, C, D, H, W]</c>, float32; owned by the caller.</summary>
    public required Tensor Noise { get; init; }

    /// <summary>The process that the network was trained on.</summary>
    public required NoiseProcess Process { get; init; }

    /// <summary>The network. Each call is one function evaluation and is counted by the engine.</summary>
    public required Predictor Predict { get; init; }

    /// <summary>The stream for samplers that add noise.</summary>
    public required Generator Random { get; init; }

    /// <summary>
    /// Brings an estimate of the clean latent <c>[B, C, D, H, W]</c> to the nearest one of a volume from 0 to 1, for samplers that clip
    /// their estimates; null where the latent is learned and there is no such thing.
    /// </summary>
    public Func<Tensor, Tensor>? ClipClean { get; init; }

    /// <summary>
    /// What a discriminator estimates of samples <c>[B, C, D, H, W]</c> at a timestep: ln(density of real data / density of what is sampled
    /// without it), <c>[B]</c>. For samplers that reject; null where there is no discriminator. Calls are counted by the engine, beside the
    /// network's.
    /// </summary>
    public Func<Tensor, double, Tensor>? LogDensityRatio { get; init; }

    /// <summary>
    /// What <see cref="Sampler.Learn"/> returned; null while samples are observed, for samplers that learn nothing, and by hosts of before
    /// contract 1.3.
    /// </summary>
    public IReadOnlyList<double>? Learned { get; init; }

    /// <summary>Called after each step.</summary>
    public Action<SamplerStep>? Progress { get; init; }

    /// <summary>Checked before each step.</summary>
    public CancellationToken Cancellation { get; init; }
}

/// <summary>Facts of one sampler step.</summary>
/// <param name="Done">Steps done.</param>
/// <param name="Total">Steps in all, or null where an adaptive solver does not know.</param>
/// <param name="Timestep">The timestep reached.</param>
public readonly record struct SamplerStep(int Done, int? Total, double Timestep);
