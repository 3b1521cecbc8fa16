using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Tests.Tiny;

namespace VoxelZoo.Engine.Tests.Diffusion.Rejection;

/// <summary>Two convolutions; what is between them are the features.</summary>
public sealed class FeatureArchitecture : IArchitecture<ConvOptions>
{
    public const int Features = 8;

    public ConvOptions Fit(ConvOptions options, DiffusionShape shape) =>
        options with { InChannels = shape.InputChannels, OutChannels = shape.Latent.Channels };

    public Denoiser Create(ConvOptions options, PartContext context) => new Network(options, context);

    private sealed class Network : Denoiser, IFeatureExtractor
    {
        private readonly Conv3d first;
        private readonly Conv3d last;

        public Network(ConvOptions options, PartContext context)
            : base("features")
        {
            first = nn.Conv3d(options.InChannels, FeatureArchitecture.Features, 3, padding: 1, device: context.Device);
            last = nn.Conv3d(FeatureArchitecture.Features, options.OutChannels, 3, padding: 1, device: context.Device);
            RegisterComponents();
        }

        public int FeatureChannels => FeatureArchitecture.Features;

        public Tensor Features(Tensor sample, Tensor timesteps, Conditioning conditioning) =>
            nn.functional.relu(first.call(conditioning.Concatenate(sample)));

        public override Tensor forward(Tensor noisy, Tensor timesteps, Conditioning conditioning) =>
            last.call(Features(noisy, timesteps, conditioning));
    }
}
