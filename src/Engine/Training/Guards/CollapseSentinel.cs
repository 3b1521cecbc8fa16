using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Notices that a network which had learned something has lost it: its training loss stays at a multiple of the best one, or its validation
/// loss at that of a network which always returns zero.
/// </summary>
/// <param name="options">Limits.</param>
internal sealed class CollapseSentinel(GuardOptions options)
{
    /// <summary>Below this part of the zero network's loss a network has clearly learned something.</summary>
    private const double ClearlyBelow = 0.9;

    /// <summary>From this part of it on it has not.</summary>
    private const double Useless = 0.98;

    /// <summary>Largest deviation of a plateau's losses, as a part of their mean; a loss that still falls has a larger one.</summary>
    private const double Plateau = 0.05;

    /// <summary>What it remembers.</summary>
    public CollapseState State { get; set; } = new();

    /// <summary>Judges an epoch: why training has to go back, or null.</summary>
    /// <param name="loss">Mean training loss.</param>
    /// <param name="validation">Validation loss, or null where the epoch was not validated.</param>
    /// <param name="zero">The validation loss of a network that always returns zero, or null where that means nothing.</param>
    public string? Judge(double loss, double? validation, double? zero) =>
        Lost(loss) ?? (validation is { } measured && zero is { } useless ? BackAtZero(measured, useless) : null);

    private string? Lost(double loss)
    {
        if (!double.IsFinite(loss))
            return null; // no step was measured; the guard of the gradients counts those
        State = State with
        {
            Recent = [.. State.Recent.Append(loss).TakeLast(options.CollapseWindow)],
            Best = Math.Min(State.Best ?? loss, loss),
        };
        var (best, recent) = (State.Best.Value, State.Recent);
        if (recent.Count < options.CollapseWindow || best <= 0)
            return null;
        // far enough above, ten epochs are too many even for a loss that still moves
        var limit = options.CollapseFactor * best * (IsPlateau(recent) ? 1 : options.CollapseFactor);
        return recent.Min() > limit
            ? FormattableString.Invariant($"the training loss was above {limit:G3} for {recent.Count} epochs, after {best:G3}")
            : null;
    }

    private string? BackAtZero(double validation, double zero)
    {
        var (learned, useless) = (State.Learned || validation < ClearlyBelow * zero, !(validation < Useless * zero));
        State = State with { Learned = learned, Useless = learned && useless ? State.Useless + 1 : 0 };
        return State.Useless >= options.CollapseWindow
            ? FormattableString.Invariant(
                $"the validation loss was no better than the {zero:G3} of a network that returns zero, {State.Useless} times in a row")
            : null;
    }

    private static bool IsPlateau(IReadOnlyList<double> losses)
    {
        var mean = losses.Average();
        return Math.Sqrt(losses.Average(loss => (loss - mean) * (loss - mean))) < Plateau * mean;
    }
}
