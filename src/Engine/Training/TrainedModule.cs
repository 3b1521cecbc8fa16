using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Engine.Runs.Checkpoints;
using VoxelZoo.Tensors;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// A module with what training keeps beside its weights: the moments of its optimiser and, where the options have one, the moving average.
/// </summary>
public sealed class TrainedModule : IDisposable
{
    private readonly nn.Module _module;
    private readonly string _optimizer, _average;
    private readonly (string Component, ExponentialMovingAverage Average)[] _lengths;

    /// <summary>Builds optimiser and average.</summary>
    /// <param name="name">The component of its weights in a checkpoint, such as <c>denoiser</c>.</param>
    /// <param name="module">On its device already; stays the caller's. Parameters that require no gradient are not optimised.</param>
    /// <param name="options">Optimiser and average.</param>
    public TrainedModule(string name, nn.Module module, TrainingOptions options)
    {
        (Name, _module, _optimizer, _average) = (name, module, Component.OptimizerOf(name), Component.AverageOf(name));
        var named = module.named_parameters().Where(p => p.parameter.requires_grad).ToArray();
        Parameters = [.. named.Select(p => p.parameter)];
        Optimizer = new FusedAdamW(named, new AdamWOptions
        {
            LearningRate = options.LearningRate,
            Beta1 = options.Beta1,
            Beta2 = options.Beta2,
            WeightDecay = options.WeightDecay,
        });
        if (options.Ema is { } ema)
            Average = new ExponentialMovingAverage(
                module,
                new ExponentialMovingAverageOptions { Beta = ema.Decay, UpdateAfterStep = ema.UpdateAfter, UpdateEvery = ema.UpdateEvery });
        _lengths =
        [
            .. (options.EmaLengths ?? []).Select(length => (
                Component.AverageOf(name, length),
                new ExponentialMovingAverage(module, new ExponentialMovingAverageOptions { Length = length }))),
        ];
    }

    /// <summary>The component of its weights in a checkpoint.</summary>
    public string Name { get; }

    /// <summary>The module itself.</summary>
    internal nn.Module Module => _module;

    /// <summary>What the optimiser changes.</summary>
    public IReadOnlyList<Parameter> Parameters { get; }

    /// <summary>The optimiser.</summary>
    public FusedAdamW Optimizer { get; }

    /// <summary>The moving average, or null.</summary>
    public ExponentialMovingAverage? Average { get; }

    /// <summary>Goes on with another training's moving average.</summary>
    /// <param name="average">By the module's keys; copied.</param>
    /// <param name="step">After how many of its steps.</param>
    /// <param name="source">Where it came from, for messages.</param>
    internal void StartAverage(IReadOnlyDictionary<string, Tensor> average, long step, string source) =>
        (Average ?? throw new InvalidOperationException("the module has no moving average")).Load(average, step, source);

    /// <summary>Lets all averages follow the weights; also where nothing moved, because it counts the steps.</summary>
    public void UpdateAverages()
    {
        Average?.Update();
        foreach (var (_, average) in _lengths)
            average.Update();
    }

    /// <summary>The tensors of a checkpoint by component; they are the live ones, not copies.</summary>
    public IEnumerable<KeyValuePair<string, IReadOnlyDictionary<string, Tensor>>> Components()
    {
        yield return new(Name, Weights.Of(_module));
        yield return new(_optimizer, Optimizer.State);
        if (Average is not null)
            yield return new(_average, Average.State);
        foreach (var (component, average) in _lengths)
            yield return new(component, average.State);
    }

    /// <summary>Which of its weights or averages hold a number that is not finite; null where all are finite.</summary>
    public string? NonFiniteComponent()
    {
        using var scope = torch.NewDisposeScope();
        using var _ = torch.no_grad();
        return Parameters.Any(IsBroken) ? Name
            : Average?.State.Values.Any(IsBroken) == true ? _average
            : _lengths.FirstOrDefault(length => length.Average.State.Values.Any(IsBroken)).Component;

        static bool IsBroken(Tensor tensor) => !tensor.isfinite().all().item<bool>();
    }

    /// <summary>Goes back to a checkpoint.</summary>
    /// <exception cref="InvalidDataException">Its tensors are not this module's.</exception>
    public void Load(Checkpoint checkpoint)
    {
        using (var weights = checkpoint.Read(Name))
            Weights.Load(_module, weights, checkpoint.File(Name));
        using (var moments = checkpoint.Read(_optimizer))
            Optimizer.Load(moments, checkpoint.File(_optimizer));
        if (Average is not null)
            Load(_average, Average, checkpoint);
        foreach (var (component, average) in _lengths)
            Load(component, average, checkpoint);
    }

    private static void Load(string component, ExponentialMovingAverage average, Checkpoint checkpoint)
    {
        if (!checkpoint.Has(component))
            return;
        using var state = checkpoint.Read(component);
        average.Load(state, checkpoint.Manifest.Position.Step, checkpoint.File(component));
    }

    /// <summary>Frees moments and average; the module stays.</summary>
    public void Dispose()
    {
        Optimizer.Dispose();
        Average?.Dispose();
        foreach (var (_, average) in _lengths)
            average.Dispose();
    }
}
