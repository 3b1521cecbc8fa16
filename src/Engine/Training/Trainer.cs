using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Checkpoints;
using VoxelZoo.Engine.Data;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs;
using VoxelZoo.Tensors;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// Trains a plan's denoiser into a run folder. Between two steps everything that matters is in <see cref="TrainingState"/>, so
/// a run that stops there goes on as if it had not.
/// </summary>
public sealed class Trainer : IDisposable
{
    private readonly ExperimentPlan _plan;
    private readonly CohortDataset _volumes;
    private readonly RunFolder _run;
    private readonly TrainingObserver _observer;
    private readonly DiffusionModel _model;
    private readonly TrainingState _state;
    private readonly Augmentation[] _augmentations;
    private readonly Validator? _validator;
    private readonly CheckpointStore _checkpoints;
    private readonly int _stepsPerEpoch;

    /// <summary>Builds the model and its state.</summary>
    /// <param name="plan">The plan.</param>
    /// <param name="training">Volumes to train on.</param>
    /// <param name="validation">Volumes to validate on, or null where the cohort has none.</param>
    /// <param name="run">Where everything is left.</param>
    /// <param name="context">Device, precision, random streams.</param>
    /// <param name="observer">Is told how it goes.</param>
    public Trainer(
        ExperimentPlan plan, CohortDataset training, CohortDataset? validation, RunFolder run, PartContext context, TrainingObserver observer)
    {
        _stepsPerEpoch = training.Count / plan.Training.BatchSize;
        if (_stepsPerEpoch == 0)
            throw new PlanRefusedException(
                "training", "batch_size", $"batch_size {plan.Training.BatchSize} is more than the {training.Count} volumes of the training split; use a smaller one");

        (_plan, _volumes, _run, _observer) = (plan, training, run, observer);
        _augmentations = [.. plan.Augmentations.Select(planned => planned.Call((a, options) => a.Create(options, plan.Shape, context)))];
        _validator = validation is { Count: > 0 } ? new Validator(plan, validation) : null;
        _checkpoints = new CheckpointStore(run.Checkpoints);
        _model = DiffusionModel.Create(plan, context); // last, so that nothing is left to free when another part refuses
        _state = new TrainingState(plan, _model);
    }

    private RandomStreams Random => _model.Context.Random;

    private TimeProvider Clock => _model.Context.Clock;

    private TrainingOptions Options => _plan.Training;

    /// <summary>Trains until the last epoch is done or <paramref name="stop"/> is raised, which takes effect after the step under way.</summary>
    /// <param name="resume">Whether to go on from the latest checkpoint that verifies.</param>
    /// <param name="stop">Asks for a checkpoint and an end.</param>
    /// <returns>The run's last status, as it was written.</returns>
    public RunStatus Run(bool resume, CancellationToken stop)
    {
        if (resume && _checkpoints.Open("latest", _observer.Warned) is { } checkpoint)
            _state.Load(checkpoint);
        var started = _run.ReadStatus()?.Started ?? Clock.GetUtcNow();
        using var log = new TrainingLog(_run, _state.Position.Step);
        using var loader = new BatchLoader(
            _volumes, Options.BatchSize, Options.Seed, _plan.Data.Workers, _state.Position.Epoch, _state.Position.StepInEpoch);

        _observer.Started(new TrainingStart(
            _model.Denoiser.parameters().Sum(p => p.numel()), _volumes.Count, _stepsPerEpoch, Options.Epochs, _state.Position.Step, _model.Device.ToString()));
        WriteStatus(RunState.Running, started);
        _model.Denoiser.train();
        while (_state.Position.Epoch < Options.Epochs)
        {
            using (var batch = loader.Next())
                TimedStep(batch, log);
            if (_state.Position.StepInEpoch == _stepsPerEpoch)
                EndEpoch(log, started, stop);
            else if (stop.IsCancellationRequested)
                Save();
            if (stop.IsCancellationRequested && _state.Position.Epoch < Options.Epochs)
                return WriteStatus(RunState.TimeLimit, started);
        }

        return WriteStatus(RunState.Completed, started);
    }

    /// <summary>Writes that the run ended by <paramref name="error"/>.</summary>
    public void Fail(Exception error) =>
        WriteStatus(error is DivergedException ? RunState.Diverged : RunState.Failed, _run.ReadStatus()?.Started ?? Clock.GetUtcNow(), error.Message);

    private void TimedStep(Batch batch, TrainingLog log)
    {
        var start = Clock.GetTimestamp();
        var rate = LearningRate.At(Options, _state.Position.Epoch);
        var (loss, norm) = Step(batch, rate);
        var seconds = Clock.GetElapsedTime(start).TotalSeconds;
        _state.Stepped(loss, norm, seconds);
        var facts = new StepFacts(_state.Position.Step, _state.Position.Epoch + 1, loss, norm, rate, seconds);
        log.Step(facts);
        _observer.Stepped(facts);
    }

    /// <summary>batch → compressor → noise and target → augmentation → denoiser → loss → gradient → optimiser → average.</summary>
    private (double Loss, double GradientNorm) Step(Batch batch, double learningRate)
    {
        using var scope = torch.NewDisposeScope();
        var (clean, condition) = _model.Encode(batch.Images);
        var terms = Augment(Noised(clean, Drop(condition)));
        var loss = terms.Select(term => Loss(term, batch.RealSlices)).Aggregate((sum, term) => sum + term);
        var value = loss.item<float>();
        if (!float.IsFinite(value))
            throw new DivergedException($"the loss is {value} at step {_state.Position.Step + 1}; use a lower learning_rate, a longer warm-up or a smaller gradient_clip_norm");

        _state.Optimizer.ZeroGradients();
        loss.backward();
        var norm = Gradients.Clip(_state.Parameters, Options.GradientClipNorm);
        if (!double.IsFinite(norm))
            throw new DivergedException($"the gradient is not finite at step {_state.Position.Step + 1}; use a lower learning_rate or precision: float32");
        _state.Optimizer.LearningRate = learningRate;
        _state.Optimizer.Step();
        _state.Average?.Update();
        return (value, norm);
    }

    private TrainingTerm Noised(Tensor clean, Tensor? condition)
    {
        var noise = torch.randn(clean.shape, generator: Random[RandomStreams.Noise]).to(_model.Device);
        var timesteps = _model.Process.SampleTimesteps(clean.shape[0], Random[RandomStreams.Timestep]).to(_model.Device);
        return new TrainingTerm
        {
            Clean = clean,
            Noise = noise,
            Timesteps = timesteps,
            Noisy = _model.Process.AddNoise(clean, noise, timesteps),
            Target = _model.Process.Target(clean, noise, timesteps),
            Condition = condition,
        };
    }

    private IEnumerable<TrainingTerm> Augment(TrainingTerm term) =>
        _augmentations.Aggregate(
            (IEnumerable<TrainingTerm>)[term],
            (terms, augmentation) => [.. terms.SelectMany(t => augmentation.Apply(t, _model.Process, Random[RandomStreams.Dropout]))]);

    private Tensor Loss(TrainingTerm term, IReadOnlyList<int> realSlices)
    {
        var prediction = _model.Predict(term.Noisy, term.Timesteps, new Conditioning { Image = term.Condition });
        var losses = _model.SampleLosses(prediction, term.Target, realSlices);
        if (_model.Process.LossWeight(term.Timesteps) is { } weight)
            losses = losses * weight;
        return losses.mean() * S(term.Weight);
    }

    /// <summary>Replaces each sample's condition by zeros with the plan's probability.</summary>
    private Tensor? Drop(Tensor? condition)
    {
        if (condition is null || _plan.Condition.Dropout == 0)
            return condition;
        var kept = torch.rand([condition.shape[0], 1, 1, 1, 1], generator: Random[RandomStreams.Dropout]).ge(S(_plan.Condition.Dropout));
        return condition * kept.to(condition.dtype).to(condition.device);
    }

    private void EndEpoch(TrainingLog log, DateTimeOffset started, CancellationToken stop)
    {
        var (mean, norm, seconds) = _state.EndEpoch();
        var epoch = _state.Position.Epoch;
        var last = epoch == Options.Epochs;
        var validation = last || epoch % Options.ValidateEvery == 0 ? Validate() : null;
        // a loss that is not finite would be the best for ever, as nothing is less than it
        var best = validation is not null && double.IsFinite(validation.Loss) && (_state.Best is null || validation.Loss < _state.Best.Loss);
        if (best)
            _state.Best = new BestValidation(epoch, validation!.Loss);

        var facts = new EpochFacts(epoch, mean, validation, best, seconds);
        log.Epoch(facts, _state.Position.Step, LearningRate.At(Options, epoch - 1), norm);
        if (best || last || epoch % Options.CheckpointEvery == 0 || stop.IsCancellationRequested)
            Save(best);
        WriteStatus(RunState.Running, started);
        _observer.EpochDone(facts);
    }

    private ValidationResult? Validate()
    {
        if (_validator is null)
            return null;
        using var averaged = _state.Average?.Swap();
        return _validator.Run(_model);
    }

    private void Save(bool best = false)
    {
        var name = _state.Save(_checkpoints, _run);
        if (best)
            _checkpoints.Point("best", name);
        _checkpoints.Prune(Options.KeepCheckpoints);
    }

    private RunStatus WriteStatus(RunState state, DateTimeOffset started, string? error = null)
    {
        var status = new RunStatus
        {
            Status = state,
            Epoch = _state.Position.Epoch,
            Epochs = Options.Epochs,
            Step = _state.Position.Step,
            Best = _state.Best,
            LastError = error,
            Started = started,
            Updated = Clock.GetUtcNow(),
            TrainingSeconds = _state.Position.TrainingSeconds,
        };
        _run.WriteStatus(status);
        return status;
    }

    /// <summary>Frees the model, the optimiser and the average.</summary>
    public void Dispose()
    {
        _state.Dispose();
        _model.Dispose();
    }
}

/// <summary>Training produced numbers that are not finite.</summary>
/// <param name="message">One sentence with the step and a remedy.</param>
public sealed class DivergedException(string message) : Exception(message);
