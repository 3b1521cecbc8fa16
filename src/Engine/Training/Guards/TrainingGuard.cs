using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Watches over a training: a <see cref="GradientGuard"/> for each optimiser, a <see cref="CollapseSentinel"/> for the losses.
/// </summary>
/// <param name="options">Limits.</param>
internal sealed class TrainingGuard(GuardOptions options)
{
    private readonly SortedDictionary<string, GradientGuard> _gradients = new(StringComparer.Ordinal);
    private CollapseSentinel _sentinel = new(options);
    private int _lossKind;

    /// <summary>Why training has to go back to a checkpoint, or null.</summary>
    public string? Incident { get; private set; }

    /// <summary>
    /// Whether the incident is a collapse of the loss or the weights, which may have been saved as the latest checkpoint.
    /// </summary>
    public bool Collapsed { get; private set; }

    /// <inheritdoc cref="GuardState.Skipped"/>
    public long Skipped { get; private set; }

    /// <inheritdoc cref="GuardState.Rollbacks"/>
    public int Rollbacks { get; private set; }

    /// <inheritdoc cref="GuardState.LearningRateFactor"/>
    public double LearningRateFactor { get; private set; } = 1;

    /// <summary>What it remembers.</summary>
    public GuardState State => new()
    {
        Gradients = new SortedDictionary<string, GradientGuardState>(
            _gradients.ToDictionary(g => g.Key, g => g.Value.State), StringComparer.Ordinal),
        Collapse = _sentinel.State,
        LossKind = _lossKind,
        Skipped = Skipped,
        Rollbacks = Rollbacks,
        LearningRateFactor = LearningRateFactor,
    };

    /// <summary>Starts afresh where the loss is another than before: neither it nor its gradient can be compared.</summary>
    public void Enter(int lossKind)
    {
        if (lossKind == _lossKind)
            return;
        _lossKind = lossKind;
        _gradients.Clear();
        _sentinel = new CollapseSentinel(options);
    }

    /// <summary>Whether a step of an optimiser may move its weights; counts those that may not.</summary>
    public bool Allows(string optimizer, double loss, double norm)
    {
        var guard = Of(optimizer);
        var allowed = guard.Allows(loss, norm);
        if (!allowed)
            Skipped++;
        Incident ??= guard.Incident;
        return allowed;
    }

    /// <summary>Judges an epoch by its losses.</summary>
    public void EndEpoch(double loss, Validation? validation)
    {
        var collapse = _sentinel.Judge(loss, validation?.Loss, validation?.LossOfZero);
        Collapsed = Incident is null && collapse is not null;
        Incident ??= collapse;
    }

    /// <summary>Has training go back to the best checkpoint: what it has come to is of no use, whatever the steps say.</summary>
    /// <param name="why">The reason.</param>
    public void GiveUp(string why)
    {
        Collapsed = true;
        Incident ??= why;
    }

    /// <summary>Takes over what a checkpoint remembers.</summary>
    /// <param name="state">Null where the run had no guard then.</param>
    public void Restore(GuardState? state)
    {
        state ??= new GuardState();
        _gradients.Clear();
        foreach (var (optimizer, gradient) in state.Gradients)
            Of(optimizer).State = gradient;
        _sentinel.State = state.Collapse;
        (_lossKind, Skipped, Rollbacks, LearningRateFactor) = (state.LossKind, state.Skipped, state.Rollbacks, state.LearningRateFactor);
        (Incident, Collapsed) = (null, false);
    }

    /// <summary>Goes back to what a checkpoint remembers, once more and with a smaller learning rate.</summary>
    public void GoBack(GuardState? state)
    {
        var (skipped, rollbacks, factor) = (Skipped, Rollbacks + 1, LearningRateFactor * options.RollbackLearningRate);
        Restore(state);
        (Skipped, Rollbacks, LearningRateFactor) = (skipped, rollbacks, factor);
        foreach (var guard in _gradients.Values)
            guard.Calm();
    }

    private GradientGuard Of(string optimizer) =>
        _gradients.TryGetValue(optimizer, out var guard) ? guard : _gradients[optimizer] = new GradientGuard(options);
}
