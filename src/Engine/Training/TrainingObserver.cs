namespace VoxelZoo.Engine.Training;

/// <summary>Is told how training goes. The base class does nothing.</summary>
public abstract class TrainingObserver
{
    /// <summary>Training starts or continues.</summary>
    /// <param name="facts">Sizes and counts.</param>
    public virtual void Started(TrainingStart facts)
    {
    }

    /// <summary>A step is done.</summary>
    public virtual void Stepped(StepFacts facts)
    {
    }

    /// <summary>An epoch is done, validated if it was its turn.</summary>
    public virtual void EpochDone(EpochFacts facts)
    {
    }

    /// <summary>Something that the user should know, one sentence.</summary>
    public virtual void Warned(string sentence)
    {
    }
}

/// <summary>Facts at the start of training.</summary>
/// <param name="Parameters">Trained parameters.</param>
/// <param name="Volumes">Volumes in the training split.</param>
/// <param name="StepsPerEpoch">Steps in an epoch.</param>
/// <param name="Epochs">Epochs planned.</param>
/// <param name="FirstStep">Steps done before, when a run continues.</param>
/// <param name="Device">Where it runs.</param>
public readonly record struct TrainingStart(long Parameters, int Volumes, int StepsPerEpoch, int Epochs, long FirstStep, string Device)
{
    /// <summary>What is trained, to be looked at while training lasts.</summary>
    internal IReadOnlyList<TrainedModule> Modules { get; init; } = [];
}

/// <summary>Facts of one training step.</summary>
/// <param name="Step">Steps done.</param>
/// <param name="Epoch">The epoch under way, from 1.</param>
/// <param name="Outcome">What the step measured.</param>
/// <param name="LearningRate">Learning rate of the step.</param>
/// <param name="Seconds">How long it took.</param>
public readonly record struct StepFacts(long Step, int Epoch, StepOutcome Outcome, double LearningRate, double Seconds)
{
    /// <summary>How long of it gradients were computed.</summary>
    public double BackwardSeconds { get; init; }

    /// <summary>How long of it weights and averages were moved.</summary>
    public double OptimizerSeconds { get; init; }
}

/// <summary>Facts of one epoch.</summary>
/// <param name="Epoch">Epochs done.</param>
/// <param name="Loss">Mean training loss.</param>
/// <param name="Validation">The validation, or null if it was not this epoch's turn.</param>
/// <param name="IsBest">Whether the validation is the best so far.</param>
/// <param name="Seconds">How long the epoch's steps took.</param>
public readonly record struct EpochFacts(int Epoch, double Loss, Validation? Validation, bool IsBest, double Seconds)
{
    /// <summary>Steps of the epoch that the guard skipped.</summary>
    public int Skipped { get; init; }

    /// <summary>What the model generates, or null where that was not measured after this epoch.</summary>
    public GenerationMeasures? Generation { get; init; }

    /// <summary>Whether that is the best so far.</summary>
    public bool IsBestGeneration { get; init; }

    /// <summary>
    /// Seconds for which the writing of checkpoints held training up since the epoch before; not in <see cref="Seconds"/>.
    /// </summary>
    public double CheckpointSeconds { get; init; }
}
