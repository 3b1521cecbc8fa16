using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Tensors.Dispatch;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Tensors;

/// <summary>
/// AdamW (arXiv 1711.05101, algorithm 2) as one fused kernel over all parameters. TorchSharp's own takes 25 times as long, holds two
/// more copies of the parameters while it steps, and keys its state by order.
/// </summary>
/// <remarks>Build it after <c>module.to(…)</c>, which replaces parameters. Not thread-safe.</remarks>
public sealed class FusedAdamW : IDisposable
{
    private readonly AdamWOptions _options;
    private readonly Moments[] _all;

    private sealed record Moments(string Name, Parameter Parameter, Tensor First, Tensor Second, Tensor Step)
    {
        // the kernel takes it as a tensor, but one tensor serves all parameters of the same count
        public long Steps { get; set; }
    }

    /// <summary>Creates the optimiser with zero moments.</summary>
    /// <param name="parameters">
    /// By name, as <c>module.named_parameters()</c> gives them: contiguous, all of one device and dtype. They stay the module's.
    /// </param>
    /// <param name="options">Hyperparameters.</param>
    /// <exception cref="ArgumentException">
    /// A parameter is not contiguous, of another device or dtype than the first, or named twice.
    /// </exception>
    public FusedAdamW(IEnumerable<(string name, Parameter parameter)> parameters, AdamWOptions options)
    {
        options.Check();
        _options = options;
        (LearningRate, Beta1, Beta2) = (options.LearningRate, options.Beta1, options.Beta2);
        using var noGradient = no_grad();
        var list = parameters.ToList();
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (name, parameter) in list)
            if (!names.Add(name) || !parameter.is_contiguous() || Kind(parameter) != Kind(list[0].parameter))
                throw new ArgumentException(
                    $"parameter '{name}' is named twice, not contiguous, or of another device or dtype than '{list[0].name}'",
                    nameof(parameters));

        _all = [.. list.Select(p => new Moments(
            p.name,
            p.parameter,
            zeros_like(p.parameter).DetachFromDisposeScope(),
            zeros_like(p.parameter).DetachFromDisposeScope(),
            zeros(Array.Empty<long>(), ScalarType.Float32).DetachFromDisposeScope()))];
    }

    /// <summary>Step size of the next step; a schedule sets it.</summary>
    public double LearningRate { get; set; }

    /// <summary>Decay of the first moment in the next step, in [0, 1).</summary>
    public double Beta1 { get; set; }

    /// <summary>Decay of the second moment in the next step, in [0, 1).</summary>
    public double Beta2 { get; set; }

    /// <summary>
    /// First moments, second moments and step counts as <c>NAME.exp_avg</c>, <c>NAME.exp_avg_sq</c> (shape and dtype of the parameter)
    /// and <c>NAME.step</c> (0-dimensional float32 on the CPU). They stay the optimiser's and change with the next step.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> State
    {
        get
        {
            using var scope = NewDisposeScope();
            var state = new SortedDictionary<string, Tensor>(StringComparer.Ordinal);
            foreach (var moments in _all)
            {
                moments.Step.fill_(S(moments.Steps));
                foreach (var (key, tensor) in Entries(moments))
                    state.Add(key, tensor);
            }

            return state;
        }
    }

    /// <summary>Updates every parameter that has a gradient; the others and their step counts stay as they are.</summary>
    public void Step()
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var device = _all.Length > 0 ? _all[0].Parameter.device : CPU;
        var active = new List<(Moments Moments, Tensor Gradient)>(_all.Length);
        foreach (var moments in _all)
            if (moments.Parameter.grad is { } gradient)
                active.Add((moments, gradient.is_contiguous() ? gradient : gradient.contiguous())); // the kernel walks memory, not strides
        if (active.Count == 0)
            return;

        var counts = new Dictionary<long, Tensor>();
        foreach (var (moments, _) in active)
            if (!counts.ContainsKey(++moments.Steps))
                counts.Add(moments.Steps, tensor((float)moments.Steps, device: device));

        // _fused_adamw_(self, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, state_steps, lr, beta1, beta2, weight_decay, eps,
        // amsgrad, maximize, grad_scale, found_inf)
        Dispatcher.Call("aten::_fused_adamw_", "",
        [
            Dispatcher.Of(active.ConvertAll(a => (Tensor)a.Moments.Parameter)), Dispatcher.Of(active.ConvertAll(a => a.Gradient)),
            Dispatcher.Of(active.ConvertAll(a => a.Moments.First)),
            Dispatcher.Of(active.ConvertAll(a => a.Moments.Second)),
            Dispatcher.Of([]),
            Dispatcher.Of(active.ConvertAll(a => counts[a.Moments.Steps])),
            Dispatcher.Number(LearningRate), Dispatcher.Number(Beta1), Dispatcher.Number(Beta2),
            Dispatcher.Number(_options.WeightDecay), Dispatcher.Number(_options.Epsilon),
            Dispatcher.Flag(false), Dispatcher.Flag(false), Dispatcher.None, Dispatcher.None,
        ]);
    }

    /// <summary>Drops the gradients and their memory.</summary>
    public void ZeroGradients()
    {
        foreach (var moments in _all)
            moments.Parameter.grad = null;
    }

    /// <summary>Takes over moments and step counts that <see cref="State"/> gave; all of them fit, or nothing is touched.</summary>
    /// <param name="state">By key; copied.</param>
    /// <param name="source">Where it came from, for the message.</param>
    /// <exception cref="InvalidDataException">Keys are missing, unexpected or of another shape.</exception>
    public void Load(IReadOnlyDictionary<string, Tensor> state, string source)
    {
        Weights.Copy(State, state, source, "the optimiser");
        foreach (var moments in _all)
            moments.Steps = (long)moments.Step.item<float>();
    }

    /// <summary>Frees the moments; the parameters stay.</summary>
    public void Dispose()
    {
        foreach (var (_, tensor) in _all.SelectMany(Entries))
            tensor.Dispose();
    }

    private static (ScalarType, DeviceType, int) Kind(Tensor tensor) => (tensor.dtype, tensor.device_type, tensor.device_index);

    private static IEnumerable<(string Key, Tensor Tensor)> Entries(Moments moments) =>
    [
        ($"{moments.Name}.exp_avg", moments.First), ($"{moments.Name}.exp_avg_sq", moments.Second), ($"{moments.Name}.step", moments.Step),
    ];
}
