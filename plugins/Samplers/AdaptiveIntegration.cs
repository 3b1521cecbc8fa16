using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Plugins.Samplers;

/// <summary>The error that a step may make: root mean square of <c>error / (absolute + relative·max(|y|, |y'|))</c> of at most 1.</summary>
/// <param name="Relative">As a share of the state.</param>
/// <param name="Absolute">In the units of the state.</param>
internal readonly record struct Tolerance(double Relative, double Absolute);

/// <summary>
/// An integration of <c>y' = f(t, y)</c> under way, in either direction of time, with steps as long as the tolerance lets them be. The norm
/// is over the whole tensor. Its tensors belong to the dispose scope in which it was made; float64 is for the caller to choose.
/// </summary>
internal sealed class AdaptiveIntegration
{
    private const double Safety = 0.9;
    private const double LargestGrowth = 10;
    private const double LargestCut = 0.2;

    private readonly EmbeddedTableau _tableau;
    private readonly Slope _f;
    private readonly Tolerance _tolerance;
    private readonly double _end;
    private readonly bool _mayPass;
    private readonly int _direction;
    private double _length;

    /// <summary>
    /// Evaluates f twice to choose the first step (Hairer, Nørsett and Wanner, Solving Ordinary Differential Equations I, section II.4).
    /// </summary>
    /// <param name="tableau">The method.</param>
    /// <param name="f">The equation.</param>
    /// <param name="tolerance">The error allowed in a step.</param>
    /// <param name="start">The first time.</param>
    /// <param name="y">The state there; it is copied.</param>
    /// <param name="end">The last time.</param>
    /// <param name="mayPass">
    /// Whether the last step may go past the end, where it is then interpolated, so that its length is the tolerance's choice alone.
    /// Otherwise it is cut to end there.
    /// </param>
    public AdaptiveIntegration(EmbeddedTableau tableau, Slope f, Tolerance tolerance, double start, Tensor y, double end, bool mayPass)
    {
        (_tableau, _f, _tolerance, _end, _mayPass, Time) = (tableau, f, tolerance, end, mayPass, start);
        _direction = Math.Sign(end - start);
        State = y.clone();
        Slope = f(start, State);
        _length = FirstLength();
    }

    /// <summary>The time reached.</summary>
    public double Time { get; private set; }

    /// <summary>Whether the end is reached.</summary>
    public bool IsDone => Time == _end;

    /// <summary>The state at that time.</summary>
    public Tensor State { get; }

    /// <summary>The slope at that time, or past it if the last step went past the end.</summary>
    public Tensor Slope { get; }

    /// <summary>Tries one step; where its error is too large, nothing changes but the length of the next attempt.</summary>
    /// <returns>Whether the step was taken.</returns>
    /// <exception cref="InvalidOperationException">The step has become too short to change the time.</exception>
    public bool TryStep()
    {
        using var scope = NewDisposeScope();
        var next = Time + _direction * _length;
        var reaches = _direction * (next - _end) >= 0;
        if (reaches && !_mayPass)
            next = _end;
        var h = next - Time;
        if (!(Math.Abs(h) > 0)) // not a number either
            throw new InvalidOperationException($"no step from {Time:g6} is short enough: the slope is not finite or jumps there");

        var slopes = _tableau.Slopes(_f, Time, next, State, Slope);
        var proposal = Tableau.Add(State, h, _tableau.B, slopes);
        var error = Norm(Tableau.Add(zeros_like(State), h, _tableau.Error, slopes), maximum(State.abs(), proposal.abs()));
        _length = Math.Abs(h) * Growth(error);
        if (!(error <= 1))
            return false;

        State.copy_(reaches && next != _end ? _tableau.Interpolate((_end - Time) / h, h, State, proposal, slopes) : proposal);
        Slope.copy_(slopes[^1]);
        Time = reaches ? _end : next;
        return true;
    }

    /// <summary>The factor to the next length: steps that were taken are not followed by shorter ones.</summary>
    private double Growth(double error) =>
        double.IsNaN(error) ? LargestCut
        : Math.Clamp(Safety * Math.Pow(error, -1.0 / _tableau.Order), error < 1 ? 1 : LargestCut, LargestGrowth);

    private double FirstLength()
    {
        using var scope = NewDisposeScope();
        var size = State.abs();
        var (position, speed) = (Norm(State, size), Norm(Slope, size));
        // not beyond the end: where the slope starts from next to nothing, as DDPM's does, the guess is long
        var trial = Math.Min(position < 1e-5 || speed < 1e-5 ? 1e-6 : 0.01 * position / speed, Math.Abs(_end - Time));
        var after = _f(Time + _direction * trial, Tableau.Add(State, _direction * trial, [1], [Slope]));
        var curvature = Norm(after - Slope, size) / trial;
        var length = speed <= 1e-15 && curvature <= 1e-15
            ? Math.Max(1e-6, trial * 1e-3)
            : Math.Pow(0.01 / Math.Max(speed, curvature), 1.0 / _tableau.Order);
        return Math.Min(100 * trial, length);
    }

    /// <summary>Root mean square of <paramref name="value"/> in units of what is allowed for states of <paramref name="size"/>.</summary>
    private double Norm(Tensor value, Tensor size) =>
        (value / (size * S(_tolerance.Relative) + S(_tolerance.Absolute))).square().mean().sqrt().ToDouble();
}
