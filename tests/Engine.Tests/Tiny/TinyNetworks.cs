using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Tests.Tiny;

/// <summary>Options of parts that need none.</summary>
public sealed record NoOptions;

/// <summary>What a network with one scalar parameter returns.</summary>
public delegate Tensor Prediction(Tensor noisy, Tensor timesteps, Conditioning conditioning, Tensor bias);

/// <summary>A network that is a formula with one trained scalar, so that losses, gradients and weights have closed forms.</summary>
public sealed class FormulaArchitecture(Prediction predict, double bias = 0.5) : IArchitecture<NoOptions>
{
    /// <summary>
    /// Knows the clean volume from its condition, and is off by its bias: the loss is the bias squared, its gradient twice the bias.
    /// </summary>
    public static FormulaArchitecture Oracle(double bias = 0.5) => new(Truth, bias);

    public static Tensor Truth(Tensor noisy, Tensor timesteps, Conditioning conditioning, Tensor bias)
    {
        var clean = conditioning.Image!;
        var tau = timesteps.view(-1, 1, 1, 1, 1) / S(1000.0);
        var noise = (noisy - clean * (torch.ones_like(tau) - tau)) / tau;
        return clean - noise + bias;
    }

    public NoOptions Fit(NoOptions options, DiffusionShape shape) => options;

    public Denoiser Create(NoOptions options, PartContext context) => new Network(predict, bias, context);

    private sealed class Network : Denoiser
    {
        private readonly Prediction _predict;
        private readonly Parameter bias;

        public Network(Prediction predict, double value, PartContext context)
            : base("formula")
        {
            _predict = predict;
            bias = new Parameter(torch.full([1], S(value), ScalarType.Float32, context.Device));
            RegisterComponents();
        }

        public override Tensor forward(Tensor noisy, Tensor timesteps, Conditioning conditioning) =>
            _predict(noisy, timesteps, conditioning, bias);
    }
}

/// <summary>Options of <see cref="ConvArchitecture"/>.</summary>
public sealed record ConvOptions
{
    public int InChannels { get; init; }

    public int OutChannels { get; init; }

    public double Dropout { get; init; }
}

/// <summary>One convolution after a dropout layer, which draws from torch's global generator.</summary>
public sealed class ConvArchitecture(Action<Tensor>? seen = null) : IArchitecture<ConvOptions>
{
    public ConvOptions Fit(ConvOptions options, DiffusionShape shape) =>
        options.Dropout < 1
            ? options with { InChannels = shape.InputChannels, OutChannels = shape.Latent.Channels }
            : throw new PlanException("a dropout of 1 leaves nothing; use less than 1", "dropout");

    public DenoiserFacts Describe(ConvOptions options, DiffusionShape shape) => new() { ActivationElements = 1000 };

    public Denoiser Create(ConvOptions options, PartContext context) => new Network(options, context, seen);

    private sealed class Network : Denoiser
    {
        private readonly Action<Tensor>? _seen;
        private readonly Dropout drop;
        private readonly Conv3d conv;

        public Network(ConvOptions options, PartContext context, Action<Tensor>? seen)
            : base("conv")
        {
            _seen = seen;
            drop = nn.Dropout(options.Dropout);
            conv = nn.Conv3d(options.InChannels, options.OutChannels, 3, padding: 1, device: context.Device);
            RegisterComponents();
        }

        public override Tensor forward(Tensor noisy, Tensor timesteps, Conditioning conditioning)
        {
            var answer = conv.call(drop.call(conditioning.Concatenate(noisy)));
            _seen?.Invoke(answer);
            return answer;
        }
    }
}
