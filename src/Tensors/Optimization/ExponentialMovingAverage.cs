using TorchSharp;
using VoxelZoo.Tensors.Dispatch;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors;

/// <summary>When and how strongly an average follows the weights; the defaults are the experiments'.</summary>
public sealed record ExponentialMovingAverageOptions
{
    /// <summary>Upper bound β of the decay, in [0, 1].</summary>
    public double Beta { get; init; } = 0.9999;

    /// <summary>Only every so many steps the average is touched; at least 1.</summary>
    public int UpdateEvery { get; init; } = 10;

    /// <summary>Until this step the weights are copied instead of averaged.</summary>
    public long UpdateAfterStep { get; init; } = 100;

    /// <summary>Exponent of the decay's warm-up.</summary>
    public double Power { get; init; } = 2.0 / 3.0;

    /// <summary>
    /// Length σ of an average by a power of time, in place of <see cref="Beta"/> and its warm-up: see <see cref="PowerFunctionProfile"/>.
    /// It is touched at every step, from the first on. Default: none.
    /// </summary>
    public double? Length { get; init; }
}

/// <summary>
/// A running average of a module's weights for evaluation, with the schedule of the ema_pytorch package: the n-th
/// call of <see cref="Update"/> acts when <c>n − 1</c> is a multiple of <c>UpdateEvery</c>; it copies the weights while <c>n − 1</c> is at
/// most <c>UpdateAfterStep</c> and then averages with <see cref="Decay"/>. Buffers are copied each time.
/// </summary>
/// <remarks>Build it after <c>module.to(…)</c>, which replaces parameters. Not thread-safe.</remarks>
public sealed class ExponentialMovingAverage : IDisposable
{
    private readonly ExponentialMovingAverageOptions _options;
    private readonly IReadOnlyDictionary<string, Tensor> _online;
    private readonly SortedDictionary<string, Tensor> _average = new(StringComparer.Ordinal);
    private readonly List<Tensor> _parameters = [], _averagedParameters = [], _buffers = [], _copiedBuffers = [];
    private readonly double _exponent;
    private bool _swapped;

    /// <summary>Starts the average at the module's present weights.</summary>
    /// <param name="module">Stays the caller's; must outlive this.</param>
    /// <param name="options">Schedule; default as the experiments have it.</param>
    public ExponentialMovingAverage(nn.Module module, ExponentialMovingAverageOptions? options = null)
    {
        _options = options ?? new();
        ArgumentOutOfRangeException.ThrowIfLessThan(_options.UpdateEvery, 1);
        if (_options.Beta is not (>= 0 and <= 1))
            throw new ArgumentOutOfRangeException(nameof(options), _options.Beta, "beta belongs in [0, 1]");

        if (_options.Length is { } length)
            (_options, _exponent) = (_options with { UpdateEvery = 1, UpdateAfterStep = 0 }, PowerFunctionProfile.Exponent(length));

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        _online = Weights.Of(module);
        var parameters = module.named_parameters().Select(p => p.name).ToHashSet(StringComparer.Ordinal);
        foreach (var (key, tensor) in _online)
        {
            _average[key] = tensor.detach().clone().DetachFromDisposeScope();
            (parameters.Contains(key) ? _parameters : _buffers).Add(tensor);
            (parameters.Contains(key) ? _averagedParameters : _copiedBuffers).Add(_average[key]);
        }
    }

    /// <summary>How often <see cref="Update"/> was called; part of a checkpoint.</summary>
    public long Step { get; private set; }

    /// <summary>The averaged weights by the module's keys. They stay this object's and change with the next update.</summary>
    /// <exception cref="InvalidOperationException">They are swapped into the module at present.</exception>
    public IReadOnlyDictionary<string, Tensor> State =>
        _swapped ? throw new InvalidOperationException("the averaged weights are in the module; end Swap() first") : _average;

    /// <summary>
    /// Decay that the <paramref name="step"/>-th call uses: <c>min(β, 1 − (1 + step − UpdateAfterStep − 1)^(−Power))</c>, and 0 until then;
    /// with a length <c>(1 − 1/step)^(γ+1)</c>.
    /// </summary>
    public double Decay(long step)
    {
        if (_options.Length is not null)
            return Math.Pow(1 - 1.0 / step, _exponent + 1);
        var averaged = step - _options.UpdateAfterStep - 1;
        return averaged <= 0 ? 0 : Math.Clamp(1 - Math.Pow(1 + averaged, -_options.Power), 0, _options.Beta);
    }

    /// <summary>To be called once after each optimiser step.</summary>
    /// <exception cref="InvalidOperationException">The averaged weights are swapped into the module at present.</exception>
    public void Update()
    {
        _ = State;
        Step++;
        if ((Step - 1) % _options.UpdateEvery != 0)
            return;

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var decay = Decay(Step);
        Copy(_buffers, _copiedBuffers);
        if (decay == 0)
            Copy(_parameters, _averagedParameters);
        if (decay == 0 || _parameters.Count == 0)
            return;

        var weight = tensor((float)(1 - decay), device: _parameters[0].device);
        Dispatcher.Call("aten::_foreach_lerp_", "List",
            [
                Dispatcher.Of(_averagedParameters),
                Dispatcher.Of(_parameters),
                Dispatcher.Of(Enumerable.Repeat(weight, _parameters.Count).ToList()),
            ]);
    }

    /// <summary>Takes over a saved average.</summary>
    /// <param name="state">By the module's keys; copied.</param>
    /// <param name="step">The saved <see cref="Step"/>.</param>
    /// <param name="source">Where it came from, for the message.</param>
    /// <exception cref="InvalidDataException">Keys are missing, unexpected or of another shape.</exception>
    public void Load(IReadOnlyDictionary<string, Tensor> state, long step, string source)
    {
        Weights.Copy(State, state, source, "the average");
        Step = step;
    }

    /// <summary>Puts the averaged weights into the module until the result is disposed. Takes no memory beyond one parameter's.</summary>
    /// <exception cref="InvalidOperationException">They are there already.</exception>
    public IDisposable Swap()
    {
        _ = State;
        Exchange();
        return new Restoration(this);
    }

    /// <summary>Frees the average; the module stays.</summary>
    public void Dispose()
    {
        foreach (var tensor in _average.Values)
            tensor.Dispose();
    }

    private static void Copy(List<Tensor> from, List<Tensor> to)
    {
        for (var i = 0; i < from.Count; i++)
            to[i].copy_(from[i]);
    }

    private void Exchange()
    {
        using var noGradient = no_grad();
        foreach (var (key, average) in _average)
        {
            using var scope = NewDisposeScope();
            var kept = average.clone();
            average.copy_(_online[key]);
            _online[key].copy_(kept);
        }

        _swapped = !_swapped;
    }

    private sealed class Restoration(ExponentialMovingAverage owner) : IDisposable
    {
        private bool _done;

        public void Dispose()
        {
            if (!_done)
                owner.Exchange();
            _done = true;
        }
    }
}
