using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// The learning rate as a pure function of the epoch, so that nothing of it has to be saved or restored; what validation makes of it comes
/// on top, in <see cref="PlateauSchedule"/>.
/// </summary>
public static class LearningRate
{
    private const double WarmupStart = 0.1;

    /// <summary>Learning rate of all steps of <paramref name="epoch"/>, which counts from 0.</summary>
    public static double At(TrainingOptions options, int epoch)
    {
        if (epoch < options.WarmupEpochs)
            return options.LearningRate * (WarmupStart + (1 - WarmupStart) * epoch / options.WarmupEpochs);
        if (options.Schedule is LearningRateSchedule.Constant or LearningRateSchedule.Plateau)
            return options.LearningRate;

        var progress = Math.Min(1, (double)(epoch - options.WarmupEpochs) / Math.Max(1, options.Epochs - options.WarmupEpochs));
        var minimum = Math.Min(options.MinLearningRate, options.LearningRate);
        return minimum + (options.LearningRate - minimum) * (1 + Math.Cos(Math.PI * progress)) / 2;
    }
}
