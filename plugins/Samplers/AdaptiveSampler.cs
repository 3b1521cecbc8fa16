using System.ComponentModel.DataAnnotations;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>Options of the solvers that choose their own steps.</summary>
public sealed record AdaptiveOptions
{
    /// <summary>
    /// Error that a step may make, as a share of the sample: the root mean square of error / (atol + rtol·|x|) is at most 1. Default 0.001.
    /// </summary>
    [Range(1e-12, 1.0)]
    public double Rtol { get; init; } = 1e-3;

    /// <summary>Error that a step may make, in the units of the latent. Default 0.001.</summary>
    [Range(1e-12, 1.0)]
    public double Atol { get; init; } = 1e-3;

    /// <summary>Network calls after which sampling fails rather than go on. Default 1000.</summary>
    [Range(1, 1_000_000)]
    public int MaxEvaluations { get; init; } = 1000;

    /// <summary>
    /// How τ = 0 is reached. Default <c>euler</c>: steps end at <c>tau_end</c>, and one by Euler's method, which costs no call, goes on
    /// from there. <c>integrate</c> steps over τ = 0 and interpolates there, as solver libraries do; times before 0 are then told to the
    /// network as 0.
    /// </summary>
    public Terminal Terminal { get; init; } = Terminal.Euler;

    /// <summary>The time τ at which steps end with <c>terminal: euler</c>; refused with <c>integrate</c>. Default 0.005.</summary>
    [Range(1e-6, 0.5)]
    public double? TauEnd { get; init; }
}

/// <summary>Fehlberg's method of order 2(1): two evaluations a step.</summary>
[Sampler("fehlberg2", Summary = "Fehlberg's method of order 2(1) with steps of its own choice; two network calls a step.")]
public sealed class Fehlberg2Sampler : ISampler<AdaptiveOptions>
{
    /// <inheritdoc/>
    public Sampler Create(AdaptiveOptions options, PartContext context) => new AdaptiveSampler(Tableaus.Fehlberg2, options);
}

/// <summary>Bogacki and Shampine's method of order 3(2): three evaluations a step.</summary>
[Sampler("bosh3", Summary = "Bogacki and Shampine's method of order 3(2) with steps of its own choice; three network calls a step.")]
public sealed class Bosh3Sampler : ISampler<AdaptiveOptions>
{
    /// <inheritdoc/>
    public Sampler Create(AdaptiveOptions options, PartContext context) => new AdaptiveSampler(Tableaus.Bosh3, options);
}

/// <summary>Dormand and Prince's method of order 5(4): six evaluations a step.</summary>
[Sampler("dopri5", Summary = "Dormand and Prince's method of order 5(4) with steps of its own choice; six network calls a step.")]
public sealed class Dopri5Sampler : ISampler<AdaptiveOptions>
{
    /// <inheritdoc/>
    public Sampler Create(AdaptiveOptions options, PartContext context) => new AdaptiveSampler(Tableaus.Dopri5, options);
}

/// <summary>Prince and Dormand's method of order 8(7): thirteen evaluations a step. It keeps fourteen slopes of 8 bytes a voxel.</summary>
[Sampler("dopri8", Summary = "Prince and Dormand's method of order 8(7) with steps of its own choice; thirteen network calls a step.")]
public sealed class Dopri8Sampler : ISampler<AdaptiveOptions>
{
    /// <inheritdoc/>
    public Sampler Create(AdaptiveOptions options, PartContext context) => new AdaptiveSampler(Tableaus.Dopri8, options);
}

/// <summary>Integrates the probability-flow equation from τ = 1 with steps that keep to a tolerance, with the state in float64.</summary>
internal sealed class AdaptiveSampler : Sampler
{
    private const double DefaultTauEnd = 0.005;

    private readonly EmbeddedTableau _tableau;
    private readonly AdaptiveOptions _options;
    private readonly double _end;

    /// <param name="tableau">The method.</param>
    /// <param name="options">Tolerances, limits and the last step.</param>
    public AdaptiveSampler(EmbeddedTableau tableau, AdaptiveOptions options)
    {
        if (options.Terminal == Terminal.Integrate)
            EarlyEnd.RefuseIntegrating(options.TauEnd);
        (_tableau, _options) = (tableau, options);
        _end = options.Terminal == Terminal.Euler ? options.TauEnd ?? DefaultTauEnd : 0;
    }

    public override Tensor Sample(SamplingTask task)
    {
        task.Cancellation.ThrowIfCancellationRequested();
        using var gradient = no_grad();
        using var sampling = NewDisposeScope();
        var noise = task.Noise.to(ScalarType.Float64);
        var mayPass = _options.Terminal == Terminal.Integrate;
        var integration = new AdaptiveIntegration(
            _tableau, Limited(ProbabilityFlow.Of(task)), new Tolerance(_options.Rtol, _options.Atol), 1, noise, _end, mayPass);
        var steps = 0;
        while (!integration.IsDone)
        {
            task.Cancellation.ThrowIfCancellationRequested();
            if (integration.TryStep())
                task.Progress?.Invoke(new SamplerStep(++steps, null, integration.Time * NoiseProcess.Horizon));
        }

        if (_end > 0)
        {
            integration.State.add_(integration.Slope, alpha: S(-_end));
            task.Progress?.Invoke(new SamplerStep(++steps, null, 0));
        }

        return integration.State.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>The equation, held at τ = 0 for times before, and for no more than so many evaluations.</summary>
    private Slope Limited(Slope flow)
    {
        var evaluations = 0;
        return (tau, x) => evaluations++ < _options.MaxEvaluations
            ? flow(Math.Max(tau, 0), x)
            : throw new InvalidOperationException(
                $"max_evaluations {_options.MaxEvaluations} is used up at t = {tau * NoiseProcess.Horizon:g4}, before t = 0; "
                + $"raise it, or rtol {_options.Rtol} and atol {_options.Atol}");
    }
}
