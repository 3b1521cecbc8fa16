using System.Globalization;
using VoxelZoo.Engine.Runs.Checkpoints;

namespace VoxelZoo.Engine.Training;

/// <summary>The best validation and the best that was generated, which a training's state holds.</summary>
/// <param name="state">The state.</param>
/// <param name="warned">Is told where what was the best so far cannot be compared any more.</param>
internal sealed class BestSoFar(TrainingState state, Action<string> warned)
{
    /// <summary>
    /// Has a validation be the best where it is. A loss that is not finite never is: nothing would be less than it, so it would stay.
    /// </summary>
    /// <param name="epoch">The epoch that it ended, from 1.</param>
    /// <param name="validation">The validation.</param>
    public bool Take(int epoch, Validation validation)
    {
        if (!double.IsFinite(validation.Loss) || !IsBest(epoch, validation))
            return false;
        state.Best = new BestValidation(epoch, validation.Loss) { Measure = validation.Measure };
        return true;
    }

    /// <summary>Has what was generated be the best where it is.</summary>
    /// <param name="epoch">The epoch that it ended, from 1.</param>
    /// <param name="generation">How good it is.</param>
    public bool Take(int epoch, GenerationMeasures generation)
    {
        if (state.BestGeneration is { } best && best.Measure != generation.Deciding)
            warned(
                $"the best that was generated so far, after epoch {best.Epoch}, was measured as {best.Measure}, "
                + $"and now it is {generation.Deciding}; the best is looked for anew");
        if (!generation.IsBetterThan(state.BestGeneration))
            return false;
        state.BestGeneration = new BestGeneration(epoch, generation.Value!.Value, generation.Deciding);
        return true;
    }

    /// <summary>Whether none before was better. One that was measured otherwise cannot be compared with it, and gives way.</summary>
    private bool IsBest(int epoch, Validation validation)
    {
        if (state.Best is not { } best || best.Measure == validation.Measure)
            return state.Best is null || validation.Loss < state.Best.Loss;
        warned(string.Create(
            CultureInfo.InvariantCulture,
            $"the best validation loss so far, {best.Loss:G4} after epoch {best.Epoch}, was measured over evenly spread timesteps by an "
            + $"earlier version; it cannot be compared with losses over the training's law of timesteps, "
            + $"so the best is looked for anew from epoch {epoch} on"));
        return true;
    }
}
