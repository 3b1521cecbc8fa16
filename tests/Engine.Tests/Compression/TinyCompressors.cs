using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Compression;

/// <summary>
/// The volume times an encoder's scalar, plus a decoder's scalar, the head: losses, gradients and weights have closed forms. Its loss
/// <c>codebook</c> is the square of the encoder's scalar less one, its measure <c>perplexity</c> and its buffer count training passes.
/// </summary>
public sealed class ScalarCompressor(double scale = 1, double shift = 0.25, bool hasHead = true) : ICompressor<NoOptions>
{
    public bool IsLearned => true;

    public VolumeShape LatentShape(NoOptions options, VolumeShape volume) => volume.Depth % 2 == 0
        ? volume
        : throw new PlanException($"depth {volume.Depth} is odd; use an even one");

    public Compressor Create(NoOptions options, PartContext context) => new Scalars(scale, shift, hasHead, context.Device);

    private sealed class Scalars : Compressor
    {
        private readonly Parameter encoder;
        private readonly Parameter decoder;
        private readonly Tensor passes;
        private readonly bool _hasHead;

        public Scalars(double scale, double shift, bool hasHead, Device device)
            : base("scalars")
        {
            encoder = new Parameter(full([1], S(scale), ScalarType.Float32, device));
            decoder = new Parameter(full([1], S(shift), ScalarType.Float32, device));
            passes = zeros(1, device: device).DetachFromDisposeScope();
            _hasHead = hasHead;
            RegisterComponents();
        }

        public override IEnumerable<Parameter> Head => _hasHead ? [decoder] : parameters();

        public override Tensor Encode(Tensor volume) => volume * encoder;

        public override Tensor Decode(Tensor latent) => latent + decoder;

        public override CompressorPass TrainingPass(Tensor volume, Generator random)
        {
            using var _ = no_grad();
            passes.add_(S(1.0));
            using var gradient = enable_grad();
            return new CompressorPass
            {
                Reconstruction = Decode(Encode(volume)),
                Losses = new Dictionary<string, Tensor> { ["codebook"] = (encoder - S(1.0)).square().sum() },
                Measures = new Dictionary<string, double> { ["perplexity"] = passes.item<float>() },
            };
        }
    }
}

/// <summary>Two convolutions with a dropout layer between them; its training pass draws noise.</summary>
public sealed class ConvCompressor : ICompressor<NoOptions>
{
    public bool IsLearned => true;

    public VolumeShape LatentShape(NoOptions options, VolumeShape volume) => volume with { Channels = 2 };

    public Compressor Create(NoOptions options, PartContext context) => new Convolutions(context.Device);

    private sealed class Convolutions : Compressor
    {
        private readonly Conv3d encoder;
        private readonly Dropout drop;
        private readonly Conv3d decoder;

        public Convolutions(Device device)
            : base("convolutions")
        {
            encoder = nn.Conv3d(1, 2, 3, padding: 1, device: device);
            drop = nn.Dropout(0.1);
            decoder = nn.Conv3d(2, 1, 3, padding: 1, device: device);
            RegisterComponents();
        }

        public override IEnumerable<Parameter> Head => decoder.parameters();

        public override Tensor Encode(Tensor volume) => drop.call(encoder.call(volume));

        public override Tensor Decode(Tensor latent) => decoder.call(latent);

        public override CompressorPass TrainingPass(Tensor volume, Generator random)
        {
            var latent = Encode(volume);
            return new CompressorPass
            {
                Reconstruction = Decode(latent + randn(latent.shape, generator: random) * S(0.01)),
                Losses = new Dictionary<string, Tensor> { ["codebook"] = latent.square().mean() },
            };
        }
    }
}
