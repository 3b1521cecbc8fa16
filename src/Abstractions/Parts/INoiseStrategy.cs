using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Abstractions;

/// <summary>Builds noise processes; the host's view. Implement <see cref="INoiseStrategy{TOptions}"/>.</summary>
public interface INoiseStrategy : IPart
{
    /// <inheritdoc cref="INoiseStrategy{TOptions}.Create"/>
    NoiseProcess Create(object options, DiffusionShape shape, PartContext context);
}

/// <summary>Builds a noise process from options.</summary>
/// <typeparam name="TOptions">The strategy's options.</typeparam>
public interface INoiseStrategy<TOptions> : INoiseStrategy, IPart<TOptions>
    where TOptions : class, new()
{
    /// <summary>Builds the process.</summary>
    /// <param name="options">Options as bound from the experiment.</param>
    /// <param name="shape">Shapes of the volume and of the latent, on which a time transform may depend.</param>
    /// <param name="context">Logger and clock; the process keeps no random state of its own.</param>
    NoiseProcess Create(TOptions options, DiffusionShape shape, PartContext context);

    NoiseProcess INoiseStrategy.Create(object options, DiffusionShape shape, PartContext context) =>
        Create((TOptions)options, shape, context);
}

/// <summary>
/// A Gaussian process <c>x_t = α(t)·x0 + σ(t)·ε</c> between data (t = 0) and noise (t = 1000), and what a network is trained
/// to predict of it. Timesteps are float32 tensors <c>[B]</c> on the device of the sample, in [0, 1000]. Results are new tensors of the
/// current dispose scope.
/// </summary>
public abstract class NoiseProcess
{
    /// <summary>The timestep of pure noise.</summary>
    public const double Horizon = 1000;

    private readonly Lazy<float[]> _drawn;

    /// <summary>A process.</summary>
    protected NoiseProcess() => _drawn = new(Drawn);

    /// <summary>Weight α(t) of the data.</summary>
    public abstract double Alpha(double t);

    /// <summary>Weight σ(t) of the noise.</summary>
    public abstract double Sigma(double t);

    /// <summary>Timesteps for training, float32 <c>[B]</c> on the CPU.</summary>
    /// <param name="batch">How many, B.</param>
    /// <param name="random">The stream to draw from.</param>
    public abstract Tensor SampleTimesteps(long batch, Generator random);

    /// <summary>
    /// The timestep below which a share of the draws of <see cref="SampleTimesteps"/> lies: the quantile function of the training's law,
    /// by which validation is stratified. Default: estimated from 65,536 draws, which is right for any law, to within two thousandths of
    /// the share. Since contract 1.3.
    /// </summary>
    /// <param name="share">The share, between 0 and 1.</param>
    public virtual double TimestepQuantile(double share)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(share);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(share, 1);
        return _drawn.Value[(int)(share * _drawn.Value.Length)];
    }

    /// <summary>
    /// Timesteps from which one prediction says the most about a network, where an evaluation estimates clean volumes: neither so near the
    /// data that any network looks right, nor so near noise that none does. Rising, within 0 to 1000. Default: 250, 500, 750. Since
    /// contract 1.5.
    /// </summary>
    public virtual IReadOnlyList<double> InformativeTimesteps => [250, 500, 750];

    /// <summary>Timesteps of training in rising order, from a stream of their own.</summary>
    private float[] Drawn()
    {
        const long draws = 65_536;
        using var scope = NewDisposeScope();
        using var random = new Generator(0, CPU);
        return [.. SampleTimesteps(draws, random).data<float>().Order()];
    }

    /// <summary>The noisy sample <c>x_t</c>, <c>[B, C, D, H, W]</c>.</summary>
    public abstract Tensor AddNoise(Tensor clean, Tensor noise, Tensor timesteps);

    /// <summary>What the network is shown of the noisy sample; by default the sample itself.</summary>
    public virtual Tensor NetworkInput(Tensor noisy, Tensor timesteps) => noisy;

    /// <summary>The times that the network is told, <c>[B]</c> float32; by default the timesteps themselves.</summary>
    public virtual Tensor NetworkTimesteps(Tensor timesteps) => timesteps;

    /// <summary>What the network is trained to return, <c>[B, C, D, H, W]</c>.</summary>
    public abstract Tensor Target(Tensor clean, Tensor noise, Tensor timesteps);

    /// <summary>Weight of each sample's loss, <c>[B]</c>, or null where all are 1.</summary>
    public virtual Tensor? LossWeight(Tensor timesteps) => null;

    /// <summary>The clean sample that a prediction implies, not clamped.</summary>
    public abstract Tensor Clean(Tensor noisy, Tensor prediction, Tensor timesteps);

    /// <summary>The noise that a prediction implies.</summary>
    public abstract Tensor Noise(Tensor noisy, Tensor prediction, Tensor timesteps);

    /// <summary>The derivative <c>dx/dτ</c>, τ = t/1000, of the probability-flow equation that a prediction implies.</summary>
    public abstract Tensor Derivative(Tensor noisy, Tensor prediction, Tensor timesteps);

    /// <summary>Timesteps for sampling: <paramref name="steps"/> + 1 values from pure noise down to exactly 0.</summary>
    public abstract double[] TimeGrid(int steps);

    /// <summary>The variable τ in which the process is integrated, as a column that broadcasts over <c>[B, C, D, H, W]</c>.</summary>
    protected static Tensor Column(Tensor timesteps) => timesteps.to(ScalarType.Float32).view(-1, 1, 1, 1, 1);
}
