namespace VoxelZoo.Engine.Compression;

/// <summary>
/// Which phase an epoch belongs to, and its learning rates: pure functions of the epoch, so that nothing of them is saved or restored.
/// </summary>
/// <param name="plan">The plan.</param>
internal sealed class PhaseSchedule(CompressionPlan plan)
{
    /// <summary>The phase of an epoch, which counts from 0.</summary>
    public PhaseOptions At(int epoch) => plan.Compression.Phases[Index(epoch)];

    /// <summary>The number of that phase, from 0.</summary>
    public int Index(int epoch)
    {
        var (index, phases) = (0, plan.Compression.Phases);
        for (var end = phases[0].Epochs; epoch >= end && index < phases.Count - 1; end += phases[index].Epochs)
            index++;
        return index;
    }

    /// <summary>Learning rate of the compressor in an epoch.</summary>
    public double LearningRate(int epoch) => Rate(epoch, (rate, _) => rate);

    /// <summary>Learning rate of the discriminator in an epoch: the same curve, up to a peak of its own.</summary>
    public double DiscriminatorLearningRate(int epoch) => Rate(epoch, (_, discriminator) => discriminator);

    private double Rate(int epoch, Func<double, double, double> peak)
    {
        var phases = plan.Compression.Phases;
        // a schedule goes from a phase with a learning rate of its own, or the first, to the next such phase
        var first = Index(epoch);
        while (first > 0 && phases[first].LearningRate is null)
            first--;
        var last = first + 1;
        while (last < phases.Count && phases[last].LearningRate is null)
            last++;
        var options = plan.Training with
        {
            LearningRate = peak(phases[first].LearningRate ?? plan.Training.LearningRate, plan.Compression.DiscriminatorLearningRate),
            Epochs = phases.Take(last).Skip(first).Sum(phase => phase.Epochs),
        };
        return Training.LearningRate.At(options, epoch - phases.Take(first).Sum(phase => phase.Epochs));
    }
}
