using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>Options of the solvers with a fixed number of steps.</summary>
public sealed record FixedStepOptions
{
    /// <summary>Steps from noise to data, on the process's own time grid; each calls the network once a stage. Default 25.</summary>
    [Range(1, 1000)]
    public int Steps { get; init; } = 25;

    /// <summary>
    /// How the last step is taken. Default: <c>euler</c> where a stage would lie at τ = 0 (<c>heun2</c>, <c>rk4</c>), <c>integrate</c>
    /// where none does (<c>midpoint</c>, <c>heun3</c>).
    /// </summary>
    public Terminal? Terminal { get; init; }

    /// <summary>
    /// The time τ at which integration ends: the grid is stretched so that its last time before 0 is this one, and the last step takes the
    /// clean sample that the network sees there. The network is not asked at any τ below. Refused with <c>terminal: integrate</c>. Default:
    /// the grid's own last time.
    /// </summary>
    [Range(1e-6, 0.5)]
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public double? TauEnd { get; init; }
}

/// <summary>The midpoint rule: order 2, two evaluations a step.</summary>
[Sampler("midpoint", Summary = "The midpoint rule on the process's own time grid; order 2, two network calls a step.")]
public sealed class MidpointSampler : ISampler<FixedStepOptions>
{
    /// <inheritdoc/>
    public FixedStepOptions Tiny => new() { Steps = 2 };

    /// <inheritdoc/>
    public Sampler Create(FixedStepOptions options, PartContext context) => new FixedStepSampler(Tableaus.Midpoint, options);
}

/// <summary>
/// Heun's method of order 2, the trapezium rule (arXiv:2206.00364, algorithm 1): two evaluations a step, one in
/// a last step by Euler's method.
/// </summary>
[Sampler("heun2", Summary = "Heun's method (trapezium rule) on the process's own time grid; order 2, two network calls a step.")]
public sealed class Heun2Sampler : ISampler<FixedStepOptions>
{
    /// <inheritdoc/>
    public FixedStepOptions Tiny => new() { Steps = 2 };

    /// <inheritdoc/>
    public Sampler Create(FixedStepOptions options, PartContext context) => new FixedStepSampler(Tableaus.Heun2, options);
}

/// <summary>Heun's method of order 3: three evaluations a step.</summary>
[Sampler("heun3", Summary = "Heun's method of order 3 on the process's own time grid; three network calls a step.")]
public sealed class Heun3Sampler : ISampler<FixedStepOptions>
{
    /// <inheritdoc/>
    public FixedStepOptions Tiny => new() { Steps = 2 };

    /// <inheritdoc/>
    public Sampler Create(FixedStepOptions options, PartContext context) => new FixedStepSampler(Tableaus.Heun3, options);
}

/// <summary>Kutta's 3/8 rule: order 4, four evaluations a step, one in a last step by Euler's method.</summary>
[Sampler("rk4", Summary = "Kutta's 3/8 rule on the process's own time grid; order 4, four network calls a step.")]
public sealed class Rk4Sampler : ISampler<FixedStepOptions>
{
    /// <inheritdoc/>
    public FixedStepOptions Tiny => new() { Steps = 2 };

    /// <inheritdoc/>
    public Sampler Create(FixedStepOptions options, PartContext context) => new FixedStepSampler(Tableaus.Rk4, options);
}

/// <summary>Integrates the probability-flow equation on the process's own time grid, with the state in float64.</summary>
internal sealed class FixedStepSampler : Sampler
{
    private readonly Tableau _tableau;
    private readonly Tableau _last;
    private readonly int _steps;
    private readonly EarlyEnd? _end;

    /// <param name="tableau">The method.</param>
    /// <param name="options">Steps and the last of them.</param>
    public FixedStepSampler(Tableau tableau, FixedStepOptions options)
    {
        if (options.Terminal == Terminal.Integrate)
            EarlyEnd.RefuseIntegrating(options.TauEnd);
        (_tableau, _steps, _end) = (tableau, options.Steps, EarlyEnd.Of(options.TauEnd));
        var terminal = options.Terminal ?? (tableau.ReachesEnd ? Terminal.Euler : Terminal.Integrate);
        _last = terminal == Terminal.Euler ? Tableaus.Euler : tableau;
    }

    public override Tensor Sample(SamplingTask task)
    {
        using var gradient = no_grad();
        using var sampling = NewDisposeScope();
        var flow = ProbabilityFlow.Of(task);
        var times = _end?.TimeGrid(task.Process, _steps) ?? task.Process.TimeGrid(_steps);
        var x = task.Noise.to(ScalarType.Float64);
        for (var step = 0; step < _steps; step++)
        {
            task.Cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var (t, next) = (times[step], times[step + 1]);
            var isLast = step + 1 == _steps;
            x.copy_(isLast && _end is not null
                ? EarlyEnd.Clean(task, x, t)
                : (isLast ? _last : _tableau).Step(flow, t / NoiseProcess.Horizon, next / NoiseProcess.Horizon, x));
            task.Progress?.Invoke(new SamplerStep(step + 1, _steps, next));
        }

        return x.to(ScalarType.Float32).MoveToOuterDisposeScope();
    }
}
