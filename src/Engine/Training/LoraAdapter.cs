using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Tensors;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Engine.Training;

/// <summary>
/// A low-rank change of some layers of a network (LoRA, arXiv:2106.09685). It knows nothing of the network but its layers' weights:
/// <see cref="Merge"/> writes <c>W + α/r·B·A</c> into them, and <see cref="TakeGradients"/> makes of the gradients of these those of A and
/// B, by the chain rule. So it is the same for every architecture, and the network computes as if it had been trained as a whole. Its keys
/// are the layers' names with <c>lora_A</c> and <c>lora_B</c>.
/// </summary>
public sealed class LoraAdapter : nn.Module
{
    private const string DownName = "lora_A", UpName = "lora_B";

    private readonly AdaptedLayer[] _layers;

    private LoraAdapter(AdaptedLayer[] layers)
        : base(nameof(LoraAdapter))
    {
        _layers = layers;
        foreach (var layer in layers)
            Branch.Add(this, layer.Name.Split('.'), layer);
    }

    /// <summary>How many numbers it has.</summary>
    public long Numbers => _layers.Sum(layer => layer.Down.numel() + layer.Up.numel());

    /// <summary>Adapts a network, whose weights stay as they are until <see cref="Merge"/> and whose other parameters are frozen.</summary>
    /// <param name="network">With its trained weights; stays the caller's and has to outlive this.</param>
    /// <param name="options">Rank and layers.</param>
    /// <exception cref="PlanException">A pattern is of no layer.</exception>
    public static LoraAdapter Of(nn.Module network, LoraOptions options)
    {
        var layers = network.named_modules().Select(one => (one.name, Weight: WeightOf(one.module)))
            .Where(one => one.Weight is not null).ToArray();
        if (NamePatterns.Unused(options.On, layers.Select(layer => layer.name)) is { } unused)
            throw new PlanException(
                $"lora.on names `{unused}`, and the network has no linear layer and no convolution of that name; "
                + $"its first are {string.Join(", ", layers.Take(4).Select(layer => layer.name))}",
                "lora.on").In("training");
        foreach (var parameter in network.parameters())
            parameter.requires_grad = false;
        return ModuleTensors.Keep(new LoraAdapter(
            [
                .. layers.Where(layer => NamePatterns.Find(options.On, layer.name) is not null)
                    .Select(layer => new AdaptedLayer(layer.name, layer.Weight!, options)),
            ]));
    }

    /// <summary>The weights of a network with a trained change of them, as <see cref="Merge"/> writes it into the network.</summary>
    /// <param name="weights">Those that it was trained on; they stay the caller's and have to outlive what is returned.</param>
    /// <param name="factors">The adapter's tensors.</param>
    /// <param name="options">As it was trained.</param>
    /// <returns>All weights, of which the changed ones are float32 and belong to the current dispose scope.</returns>
    /// <exception cref="InvalidDataException">The factors are of layers that the weights have not.</exception>
    public static IReadOnlyDictionary<string, Tensor> Merged(NamedTensors weights, NamedTensors factors, LoraOptions options)
    {
        using var noGradient = no_grad();
        var merged = weights.ToDictionary(StringComparer.Ordinal);
        foreach (var (name, down) in factors.Where(one => one.Key.EndsWith($".{DownName}", StringComparison.Ordinal)))
        {
            var layer = name[..^(DownName.Length + 1)];
            var start = weights[$"{layer}.weight"];
            merged[$"{layer}.weight"] = Changed(start, down, factors[$"{layer}.{UpName}"], ScaleOf(options)).view(start.shape);
        }

        return merged;
    }

    /// <summary>Writes the changed weights into the network.</summary>
    public void Merge()
    {
        using var noGradient = no_grad();
        foreach (var layer in _layers)
            layer.Merge();
    }

    /// <summary>Adds to the gradients of this what follows from those of the network's weights, which are forgotten.</summary>
    public void TakeGradients()
    {
        using var noGradient = no_grad();
        foreach (var layer in _layers)
            layer.TakeGradients();
    }

    /// <inheritdoc/>
    protected override void RegisterComponents()
    {
        // registered by their layers' names
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            foreach (var layer in _layers)
                layer.Start.Dispose();
        }

        base.Dispose(disposing);
    }

    private static double ScaleOf(LoraOptions options) => (options.Alpha ?? options.Rank) / options.Rank;

    /// <summary>W + scale·B·A in float32, <c>[out, in]</c>.</summary>
    private static Tensor Changed(Tensor start, Tensor down, Tensor up, double scale)
    {
        using var scope = NewDisposeScope();
        var change = up.to(ScalarType.Float32).matmul(down.to(ScalarType.Float32)) * S(scale);
        return (start.to(ScalarType.Float32).reshape(change.shape) + change).MoveToOuterDisposeScope();
    }

    private static Parameter? WeightOf(nn.Module module) => module switch
    {
        Linear linear => linear.weight,
        Conv1d convolution => convolution.weight,
        Conv2d convolution => convolution.weight,
        Conv3d convolution => convolution.weight,
        _ => null,
    };

    /// <summary>A layer's weights <c>[out, …]</c> as they were, and the two factors of their change.</summary>
    private sealed class AdaptedLayer
    {
        private readonly Parameter _weight;
        private readonly double _scale;

        public AdaptedLayer(string name, Parameter weight, LoraOptions options)
        {
            using var scope = NewDisposeScope();
            var (rows, columns) = (weight.shape[0], weight.numel() / weight.shape[0]);
            var rank = Math.Min(options.Rank, Math.Min(rows, columns));
            (Name, _weight, _scale) = (name, weight, ScaleOf(options));
            Start = weight.detach().reshape(rows, columns).to(ScalarType.Float32).clone().DetachFromDisposeScope();
            Down = new Parameter(nn.init.kaiming_uniform_(empty([rank, columns], ScalarType.Float32, weight.device), Math.Sqrt(5)));
            Up = new Parameter(zeros([rows, rank], ScalarType.Float32, weight.device)); // so that nothing is changed at first
            Down.DetachFromDisposeScope();
            Up.DetachFromDisposeScope();
            weight.requires_grad = true;
        }

        public string Name { get; }

        public Tensor Start { get; }

        /// <summary>A, <c>[r, in]</c>.</summary>
        public Parameter Down { get; }

        /// <summary>B, <c>[out, r]</c>.</summary>
        public Parameter Up { get; }

        public void Merge()
        {
            using var scope = NewDisposeScope();
            _weight.copy_(Changed(Start, Down, Up, _scale).view(_weight.shape));
        }

        public void TakeGradients()
        {
            using var scope = NewDisposeScope();
            if (_weight.grad is not { } full)
                return;
            var gradient = full.reshape(Start.shape).to(ScalarType.Float32) * S(_scale);
            Add(Down, Up.t().matmul(gradient));
            Add(Up, gradient.matmul(Down.t()));
            full.zero_();
        }

        private static void Add(Parameter parameter, Tensor gradient)
        {
            if (parameter.grad is { } known)
                known.add_(gradient);
            else
                parameter.grad = gradient.contiguous().DetachFromDisposeScope();
        }
    }

    /// <summary>A step of a layer's name.</summary>
    private sealed class Branch() : nn.Module(nameof(Branch))
    {
        public static void Add(nn.Module module, ReadOnlySpan<string> path, AdaptedLayer layer)
        {
            if (path.Length == 0)
            {
                module.register_parameter(DownName, layer.Down);
                module.register_parameter(UpName, layer.Up);
                return;
            }

            var step = path[0];
            var next = module.named_children().Where(child => child.name == step).Select(child => child.module).FirstOrDefault();
            if (next is null)
                module.register_module(step, next = new Branch());
            Add(next, path[1..], layer);
        }

        protected override void RegisterComponents()
        {
            // registered by name
        }
    }
}
