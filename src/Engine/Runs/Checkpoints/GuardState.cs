namespace VoxelZoo.Engine.Runs.Checkpoints;

/// <summary>
/// What the guards remember between two steps; part of a checkpoint, so that a run that continues judges as if it had not stopped.
/// </summary>
public sealed record GuardState
{
    /// <summary>Of each optimiser, by the name of its first module.</summary>
    public IReadOnlyDictionary<string, GradientGuardState> Gradients { get; init; } =
        new SortedDictionary<string, GradientGuardState>(StringComparer.Ordinal);

    /// <summary>Of the losses.</summary>
    public CollapseState Collapse { get; init; } = new();

    /// <summary>Which losses those were: <c>TrainingTask.LossKind</c>.</summary>
    public int LossKind { get; init; }

    /// <summary>Steps that changed no weight, in the whole run; what was skipped before going back counts too.</summary>
    public long Skipped { get; init; }

    /// <summary>How often training went back to a checkpoint.</summary>
    public int Rollbacks { get; init; }

    /// <summary>What the learning rate is multiplied by since then.</summary>
    public double LearningRateFactor { get; init; } = 1;
}

/// <summary>What a <c>GradientGuard</c> remembers.</summary>
public sealed record GradientGuardState
{
    /// <summary>Moving average of the natural logarithm of the gradient's norm.</summary>
    public double LogNorm { get; init; }

    /// <summary>Norms in that average.</summary>
    public long Seen { get; init; }

    /// <summary>Steps judged.</summary>
    public long Judged { get; init; }

    /// <summary>Steps in a row, up to the last one, whose loss or gradient was not finite.</summary>
    public int NonFiniteInARow { get; init; }

    /// <summary>Spikes since there were none for a while.</summary>
    public int Spikes { get; init; }

    /// <summary>Steps since the last spike.</summary>
    public int SinceSpike { get; init; }

    /// <summary>The last norms, spikes too.</summary>
    public IReadOnlyList<double> Recent { get; init; } = [];

    /// <summary>Which of the last steps were skipped, as counts of steps judged.</summary>
    public IReadOnlyList<long> SkippedAt { get; init; } = [];
}

/// <summary>What a <c>CollapseSentinel</c> remembers.</summary>
public sealed record CollapseState
{
    /// <summary>The smallest training loss of an epoch, or null before the first.</summary>
    public double? Best { get; init; }

    /// <summary>Training losses of the last epochs, at most as many as the window has.</summary>
    public IReadOnlyList<double> Recent { get; init; } = [];

    /// <summary>Whether the validation loss was ever clearly below that of a network that returns zero.</summary>
    public bool Learned { get; init; }

    /// <summary>Validations in a row, since then, that were no better than such a network.</summary>
    public int Useless { get; init; }
}
