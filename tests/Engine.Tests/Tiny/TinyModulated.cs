using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Tests.Tiny;

/// <summary>
/// A network with one bias whose prediction adds the mean of its modulated time embedding, which is one throughout; it can be steered.
/// </summary>
public sealed class ModulatedArchitecture(Action<Conditioning>? seen = null) : IArchitecture<NoOptions>
{
    public const int Embedding = 4;

    public NoOptions Fit(NoOptions options, DiffusionShape shape) => options;

    public Denoiser Create(NoOptions options, PartContext context) => new Network(context, seen);

    public ControlBranch? CreateControl(NoOptions options, ControlOptions control, PartContext context) => new Branch(control, context);

    internal sealed class Network : Denoiser
    {
        private readonly Action<Conditioning>? _seen;
        private readonly Parameter bias;

        public Network(PartContext context, Action<Conditioning>? seen)
            : base("modulated")
        {
            _seen = seen;
            bias = new Parameter(torch.full([1], S(0.5), ScalarType.Float32, context.Device));
            RegisterComponents();
        }

        public override int EmbeddingSize => Embedding;

        public override Tensor forward(Tensor noisy, Tensor timesteps, Conditioning conditioning)
        {
            _seen?.Invoke(conditioning);
            var embedding = conditioning.Modulate(torch.ones([noisy.shape[0], Embedding]));
            var answer = torch.zeros_like(noisy) + embedding.mean([1]).view(-1, 1, 1, 1, 1) + bias;
            return conditioning.Residuals is { } residuals ? answer + residuals[0] : answer;
        }
    }

    /// <summary>One factor, zero at first, on the steering image.</summary>
    private sealed class Branch : ControlBranch
    {
        private readonly Parameter factor;
        private readonly Parameter copied;

        public Branch(ControlOptions control, PartContext context)
            : base("branch")
        {
            factor = new Parameter(torch.zeros([control.ImageChannels], device: context.Device));
            copied = new Parameter(torch.zeros([1], device: context.Device));
            RegisterComponents();
        }

        public override IReadOnlyList<Tensor> Residuals(Tensor sample, Tensor timesteps, Tensor control, Conditioning conditioning) =>
            [control * factor.view(1, -1, 1, 1, 1) + copied.detach() * S(0.0)];

        public override void StartFrom(Denoiser denoiser)
        {
            using var _ = torch.no_grad();
            copied.copy_(denoiser.parameters().Single());
        }
    }
}

/// <summary>Options of <see cref="AffineCompressor"/>.</summary>
public sealed record AffineOptions
{
    /// <summary>What a fresh compressor multiplies by.</summary>
    public double Gain { get; init; } = 4;

    public bool Structured { get; init; }
}

/// <summary>A learned compressor: two channels, <c>gain·x + 3</c> and <c>−x</c>.</summary>
public sealed class AffineCompressor : ICompressor<AffineOptions>
{
    public bool IsLearned => true;

    public VolumeShape LatentShape(AffineOptions options, VolumeShape volume) => volume with { Channels = 2 };

    public Compressor Create(AffineOptions options, PartContext context) => new Affine(options);

    /// <summary>Without weights, so that there are none to take over from another run.</summary>
    private sealed class Affine(AffineOptions options) : Compressor("affine")
    {
        public override IReadOnlyList<int> LatentPrefixes => options.Structured ? [1, 2] : [];

        public override Tensor Encode(Tensor volume) => torch.cat([volume * S(options.Gain) + S(3.0), -volume], 1);

        public override Tensor Decode(Tensor latent) => (latent.narrow(1, 0, 1) - S(3.0)) / S(options.Gain);
    }
}

/// <summary>Tells the denoiser of one number.</summary>
public sealed class Telling(float told) : IAugmentation<NoOptions>
{
    public Augmentation Create(NoOptions options, DiffusionShape shape, PartContext context) => new Tells(told);

    private sealed class Tells(float told) : Augmentation
    {
        public override int OmegaSize => 3;

        public override IReadOnlyList<TrainingTerm> Apply(TrainingTerm term, NoiseProcess process, Generator random) =>
            [term with { Omega = torch.full([term.Clean.shape[0], 3], S(told)) }];
    }
}
