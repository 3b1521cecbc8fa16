using System.ComponentModel.DataAnnotations;
using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using static TorchSharp.torch;

namespace Acme.Pointwise;

/// <summary>Options of <c>acme_pointwise</c>.</summary>
public sealed record PointwiseOptions
{
    /// <summary>Channels of the sample and of the image condition together.</summary>
    [Range(1, 1024)]
    public int InChannels { get; init; } = 1;

    /// <summary>Channels of the prediction.</summary>
    [Range(1, 1024)]
    public int OutChannels { get; init; } = 1;

    /// <summary>Channels between.</summary>
    [Range(1, 4096)]
    public int HiddenChannels { get; init; } = 32;
}

/// <summary>A denoiser that looks at each voxel alone, with the time as one more channel.</summary>
[Architecture("acme_pointwise", Summary = "1×1×1 convolutions; each voxel alone.")]
public sealed class PointwiseArchitecture : IArchitecture<PointwiseOptions>
{
    /// <inheritdoc/>
    public PointwiseOptions Fit(PointwiseOptions options, DiffusionShape shape) =>
        options with { InChannels = shape.InputChannels, OutChannels = shape.Latent.Channels };

    /// <inheritdoc/>
    public Denoiser Create(PointwiseOptions options, PartContext context) => new Pointwise(options).to(context.Device);

    private sealed class Pointwise : Denoiser
    {
        // fields are named as the weights' keys
        private readonly Conv3d conv_in;
        private readonly Conv3d conv_out;

        public Pointwise(PointwiseOptions options)
            : base(nameof(Pointwise))
        {
            conv_in = nn.Conv3d(options.InChannels + 1, options.HiddenChannels, 1);
            conv_out = nn.Conv3d(options.HiddenChannels, options.OutChannels, 1);
            RegisterComponents();
        }

        public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
        {
            var x = conditioning.Concatenate(sample); // [B, in, D, H, W]
            var time = (timesteps / VoxelZoo.Tensors.Scalars.S(NoiseProcess.Horizon))
                .view(-1, 1, 1, 1, 1).expand(x.shape[0], 1, x.shape[2], x.shape[3], x.shape[4]);
            return conv_out.call(nn.functional.silu(conv_in.call(cat([x, time], 1))));
        }
    }
}
