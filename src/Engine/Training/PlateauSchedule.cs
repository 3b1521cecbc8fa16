using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// The learning rate's factor where validation decides on it: it falls each time that the validation loss has not become better in so many
/// validations, as PyTorch's ReduceLROnPlateau has it.
/// </summary>
/// <param name="options">The training.</param>
public sealed class PlateauSchedule(TrainingOptions options)
{
    // a loss counts as better where it is so much better, as a share of the best
    private const double Threshold = 1e-4;

    private readonly PlateauOptions _plateau = options.Plateau ?? new();

    /// <summary>What it remembers; part of a checkpoint.</summary>
    public PlateauState State { get; private set; } = new();

    /// <summary>What the peak learning rate is multiplied by; never below the smallest learning rate.</summary>
    public double Factor =>
        Math.Max(Math.Pow(_plateau.Factor, State.Reductions), Math.Min(1, options.MinLearningRate / options.LearningRate));

    /// <summary>Takes over what a checkpoint remembers.</summary>
    public void Restore(PlateauState? state) => State = state ?? new();

    /// <summary>Judges a validation.</summary>
    public void Observe(double loss)
    {
        if (State.Best is not { } best || loss < best * (1 - Threshold))
            State = State with { Best = double.IsFinite(loss) ? loss : State.Best, Waited = 0 };
        else if (State.Waited < _plateau.Patience)
            State = State with { Waited = State.Waited + 1 };
        else
            State = State with { Waited = 0, Reductions = State.Reductions + 1 };
    }
}
