using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Decides for each step of one optimiser whether it may move the weights. A norm far above the usual one is a spike, and its step is
/// skipped; but what is usual always follows what is seen, and only so many spikes are skipped before the median of the last norms is the
/// usual one, so that it cannot skip for ever.
/// </summary>
/// <param name="options">Limits.</param>
internal sealed class GradientGuard(GuardOptions options)
{
    /// <summary>Steps over which the share of skipped ones is taken.</summary>
    public const int Window = 500;

    private const double Decay = 0.99;

    /// <summary>What it remembers.</summary>
    public GradientGuardState State { get; set; } = new();

    /// <summary>Why training has to go back, or null.</summary>
    public string? Incident =>
        State.NonFiniteInARow >= options.MaxNonfinite ? $"loss or gradient was not finite in {State.NonFiniteInARow} steps in a row"
        : State.SkippedAt.Count > options.MaxSkipShare * Window ? $"{State.SkippedAt.Count} of the last "
            + $"{Math.Min(Window, State.Judged)} steps were skipped"
        : null;

    /// <summary>Whether the step may move the weights.</summary>
    /// <param name="loss">The loss.</param>
    /// <param name="norm">Norm of the gradient before clipping.</param>
    public bool Allows(double loss, double norm)
    {
        var allowed = Judge(loss, norm);
        var judged = State.Judged + 1;
        State = State with
        {
            Judged = judged,
            SkippedAt = [.. State.SkippedAt.Where(at => at > judged - Window), .. allowed ? (long[])[] : [judged]],
        };
        return allowed;
    }

    /// <summary>Forgets what led to an incident, but not what is usual.</summary>
    public void Calm() => State = State with { NonFiniteInARow = 0, Spikes = 0, SkippedAt = [] };

    private bool Judge(double loss, double norm)
    {
        if (!double.IsFinite(loss) || !double.IsFinite(norm))
        {
            State = State with { NonFiniteInARow = State.NonFiniteInARow + 1 };
            return false;
        }

        State = State with { NonFiniteInARow = 0, Recent = [.. State.Recent.Append(norm).TakeLast(options.MaxSkips)] };
        var limit = options.SpikeFactor * Math.Exp(State.LogNorm);
        if (State.Seen < options.WarmupSteps || norm <= limit)
        {
            // a low norm here and there among high ones does not start the count anew
            var since = State.SinceSpike + 1;
            State = State with { SinceSpike = since, Spikes = since < options.MaxSkips ? State.Spikes : 0 };
            Observe(norm);
            return true;
        }

        State = State with { SinceSpike = 0, Spikes = State.Spikes + 1 };
        if (State.Spikes <= options.MaxSkips)
        {
            Observe(limit); // as much of the spike as one step may say, so that a single one changes little
            return false;
        }

        var norms = State.Recent.Where(recent => recent > 0).Order().ToArray();
        State = State with { Spikes = 0, LogNorm = Math.Log(norms[norms.Length / 2]) };
        return true;
    }

    /// <summary>The mean of all until there are many, a moving average from then on.</summary>
    private void Observe(double norm)
    {
        if (norm == 0)
            return; // says nothing of what is usual, and has no logarithm
        var seen = State.Seen + 1;
        State = State with { Seen = seen, LogNorm = State.LogNorm + (Math.Log(norm) - State.LogNorm) * Math.Max(1 - Decay, 1.0 / seen) };
    }
}
