using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Training;

/// <summary>What is trained, and what one step of it does: all that a <see cref="Trainer"/> does not know. It owns its modules.</summary>
/// <param name="options">How it is trained.</param>
/// <param name="context">Device, precision, random streams.</param>
/// <param name="collective">The processes that train together, each with its share of every batch; by default this one alone.</param>
public abstract class TrainingTask(TrainingOptions options, PartContext context, ICollective? collective = null) : IDisposable
{
    private readonly GradientBuckets? _gradients = collective is { Size: > 1 } ? new GradientBuckets(collective) : null;

    /// <summary>How it is trained.</summary>
    protected TrainingOptions Options { get; } = options;

    /// <summary>Device, precision, random streams.</summary>
    public PartContext Context { get; } = context;

    /// <summary>The processes that train together.</summary>
    public ICollective Collective { get; } = collective ?? SingleProcess.Instance;

    /// <summary>The part of each batch that steps are given.</summary>
    public virtual BatchShare Share => BatchSplit.Share(Options, Collective);

    /// <summary>The modules that steps change.</summary>
    public abstract IReadOnlyList<TrainedModule> Modules { get; }

    /// <summary>What TensorBoard calls the loss: <c>Loss/NAME_train</c> and so on.</summary>
    public virtual string LossName => "MSE";

    /// <summary>Learning rate of all steps of <paramref name="epoch"/>, which counts from 0.</summary>
    public virtual double LearningRate(int epoch) => Training.LearningRate.At(Options, epoch) * (Plateau?.Factor ?? 1);

    /// <summary>What validation makes of the learning rate, or null where its schedule is one of epochs alone.</summary>
    internal PlateauSchedule? Plateau { get; } = options.Schedule == LearningRateSchedule.Plateau ? new PlateauSchedule(options) : null;

    /// <summary>What judges the steps, or null where nothing does.</summary>
    internal TrainingGuard? Guard { get; } = options.Guard.Enabled ? new TrainingGuard(options.Guard) : null;

    /// <summary>How long the parts of the step under way took so far.</summary>
    internal StepTimes Times { get; } = new(context.Clock, context.Device);

    /// <summary>How often weights followed a gradient. One that is zero, or a step that is skipped, leads nowhere.</summary>
    internal long Moves { get; private set; }

    /// <summary>A number for what the loss of an epoch is made of: losses of two epochs can be compared where it is the same.</summary>
    /// <param name="epoch">The epoch, from 0.</param>
    public virtual int LossKind(int epoch) => 0;

    /// <summary>One step: forward, backward, optimiser, average. Leaves no tensors behind.</summary>
    /// <param name="batch">The step's samples, of this process's share; stays the caller's.</param>
    /// <param name="step">Number of the step, from 1.</param>
    /// <param name="epoch">The epoch, from 0.</param>
    /// <exception cref="DivergedException">
    /// Loss or gradient is not finite, and no guard is there to skip the step; no weight was changed.
    /// </exception>
    public abstract StepOutcome Step(Batch batch, long step, int epoch);

    /// <summary>
    /// What made a step's loss or gradient not finite, as far as looking at it tells. Changes nothing, random numbers included.
    /// </summary>
    /// <param name="batch">The step's samples; stay the caller's.</param>
    /// <param name="step">The step, from 1.</param>
    internal string CauseOfNonFinite(Batch batch, long step)
    {
        var (streams, layers) = (Context.Random.Capture(), torch.random.get_rng_state());
        using (layers)
        {
            var cause = NonFiniteCause.Find(batch, Modules, step, Context.Precision, () => MixedPrecision.Without(() => Probe(batch)));
            Context.Random.Restore(streams);
            torch.random.set_rng_state(layers);
            return cause;
        }
    }

    /// <summary>Says of which module weights or averages are not finite; null where all are.</summary>
    internal string? NonFiniteWeights() =>
        Modules.Select(module => module.NonFiniteComponent()).OfType<string>().FirstOrDefault() is { } component
            ? $"weights of the {component} are not finite"
            : null;

    /// <summary>A number that is finite where what the network makes of these samples is. Called without gradients.</summary>
    /// <param name="batch">The samples; stay the caller's.</param>
    protected abstract double Probe(Batch batch);

    /// <summary>Validates, with the averaged weights where there are any; null where there is nothing to validate on.</summary>
    public abstract Validation? Validate();

    /// <summary>After how many epochs volumes are generated and measured; 0 for never.</summary>
    public virtual int GenerateEvery => 0;

    /// <summary>
    /// Generates volumes and measures them, with the averaged weights where there are any. Of several processes the first one does, and the
    /// others wait. Whatever goes wrong is said and ends nothing, and all that training draws from is as it was.
    /// </summary>
    /// <param name="epoch">Epochs done, for messages.</param>
    /// <param name="warn">Is told what went wrong.</param>
    /// <returns>What was measured; null in the other processes, and where that went wrong.</returns>
    internal GenerationMeasures? MeasureGeneration(int epoch, Action<string> warn)
    {
        if (!Collective.IsFirst())
            return null;
        var (streams, layers) = (Context.Random.Capture(), torch.random.get_rng_state());
        using (layers)
        {
            try
            {
                var measured = Generate();
                if (measured?.Reason is { } reason)
                    warn($"what was generated after epoch {epoch} has no value of {measured.Deciding}: {reason}");
                return measured;
            }
            catch (Exception e)
            {
                // days of training are worth more than one look at what they have come to
                warn($"what the model generates could not be measured after epoch {epoch}: {WhyNot(e)}; training goes on");
                return null;
            }
            finally
            {
                Context.Random.Restore(streams);
                torch.random.set_rng_state(layers);
            }
        }
    }

    private static string WhyNot(Exception error)
    {
        if (MemoryWords.IsShortage(error))
        {
            GC.Collect(); // what was half computed
            return "memory ran out; use fewer or smaller volumes in training.generation (count), or a longer every";
        }

        return error.Message.Split('\n')[0].TrimEnd('.');
    }

    /// <summary>Generates volumes and measures them; null where nothing is to be generated.</summary>
    protected virtual GenerationMeasures? Generate() => null;

    /// <summary>Frees the modules and all that belongs to them.</summary>
    public virtual void Dispose() => _gradients?.Dispose();

    /// <summary>Follows the gradient of a loss by one step of the modules' optimisers.</summary>
    /// <param name="loss">0-dimensional, the mean over this process's samples.</param>
    /// <param name="modules">The modules that are moved.</param>
    /// <param name="learningRate">Learning rate.</param>
    /// <param name="step">Number of the step, for messages.</param>
    /// <returns>What <see cref="Update"/> does.</returns>
    protected (double Loss, double GradientNorm) Descend(Tensor loss, IReadOnlyList<TrainedModule> modules, double learningRate, long step)
    {
        ZeroGradients(modules);
        return Update(Backward(loss), modules, learningRate, step);
    }

    /// <summary>Forgets the gradients of the step before.</summary>
    protected static void ZeroGradients(IReadOnlyList<TrainedModule> modules)
    {
        foreach (var module in modules)
            module.Optimizer.ZeroGradients();
    }

    /// <summary>Adds a loss's gradient to those of the parameters, unless it is not finite.</summary>
    /// <returns>The loss.</returns>
    protected float Backward(Tensor loss)
    {
        var value = loss.item<float>(); // waits for the forward pass
        if (float.IsFinite(value))
            Times.Backward += Times.Of(() => GradientCheckpoint.Backward(loss));
        return value;
    }

    /// <summary>
    /// Moves weights by the gradients that were added up, clipped, unless the guard has the step skipped; then the averages. Where several
    /// processes train together, it is the mean of their losses and gradients that counts, in all of them, so that their weights stay the
    /// same.
    /// </summary>
    /// <param name="loss">The loss, the mean over this process's samples.</param>
    /// <param name="modules">The modules that are moved, clipped by the norm of all their gradients.</param>
    /// <param name="learningRate">Learning rate.</param>
    /// <param name="step">Number of the step, for messages.</param>
    /// <returns>The loss, and the norm of the gradient before clipping.</returns>
    protected (double Loss, double GradientNorm) Update(float loss, IReadOnlyList<TrainedModule> modules, double learningRate, long step)
    {
        loss = (float)Collective.Average(loss);
        if (float.IsFinite(loss))
            _gradients?.Average(modules.SelectMany(module => module.Parameters));
        var norm = float.IsFinite(loss)
            ? Gradients.Clip([.. modules.SelectMany(module => module.Parameters)], Options.GradientClipNorm)
            : double.NaN;
        if (Guard is null)
            RefuseNonFinite(loss, norm, step);
        var allowed = Guard?.Allows(modules[0].Name, loss, norm) ?? true;
        Moves += allowed && norm > 0 ? 1 : 0;
        Times.Optimizer += Times.Of(() =>
        {
            foreach (var module in modules)
            {
                module.Optimizer.LearningRate = learningRate * (Guard?.LearningRateFactor ?? 1);
                if (allowed)
                    module.Optimizer.Step();
                module.UpdateAverages();
            }
        });
        return (loss, norm);
    }

    private static void RefuseNonFinite(double loss, double norm, long step)
    {
        if (!double.IsFinite(loss))
            throw new DivergedException(
                $"the loss is {loss} at step {step}; use a lower learning_rate, a longer warm-up or a smaller gradient_clip_norm");
        if (!double.IsFinite(norm))
            throw new DivergedException($"the gradient is not finite at step {step}; use a lower learning_rate or precision: float32");
    }
}

/// <summary>What a step measured.</summary>
/// <param name="Loss">The loss.</param>
/// <param name="GradientNorm">Norm of the gradient before clipping.</param>
public readonly record struct StepOutcome(double Loss, double GradientNorm)
{
    /// <summary>Whether the guard had it skipped, so that it changed no weight.</summary>
    public bool Skipped { get; init; }

    /// <summary>Whether weights followed a gradient.</summary>
    public bool Moved { get; init; }

    /// <summary>What else was measured, by name.</summary>
    public IReadOnlyDictionary<string, double> Measures { get; init; } = new Dictionary<string, double>();
}

/// <summary>Outcome of a validation.</summary>
/// <param name="Loss">What is to become small: the best checkpoint has the smallest.</param>
public record Validation(double Loss)
{
    /// <summary>The loss of a network that always returns zero; null where that says nothing.</summary>
    public virtual double? LossOfZero => null;

    /// <summary>How the loss is defined, where files may hold losses of another definition: those are not compared with it.</summary>
    public virtual string? Measure => null;

    /// <summary>What else was measured, by name; logged beside the loss.</summary>
    public virtual IReadOnlyDictionary<string, double> Measures { get; init; } = new Dictionary<string, double>();
}

/// <summary>Training came to its end, and no weight is another than it was at the beginning.</summary>
/// <param name="message">One sentence with the reason.</param>
public sealed class NothingLearnedException(string message) : Exception(message);

/// <summary>Training became useless, and there is no going back.</summary>
/// <param name="message">One sentence with the step and a remedy.</param>
public sealed class DivergedException(string message) : Exception(message);
