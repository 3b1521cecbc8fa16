using System.ComponentModel.DataAnnotations;
using TorchSharp;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;

namespace VoxelZoo.Abstractions;

/// <summary>Options of a network between channels that follow from the experiment. Records that derive from it add their own.</summary>
public record ChannelOptions
{
    /// <summary>Channels that enter: those of the noisy sample and of the image condition. Default: what the experiment implies.</summary>
    [Range(1, 65536)]
    public int? InChannels { get; init; }

    /// <summary>Channels of the prediction. Default: those of the latent.</summary>
    [Range(1, 65536)]
    public int? OutChannels { get; init; }
}

/// <summary>
/// An architecture of networks that map a volume to a volume and know nothing of diffusion. The network is given the noisy sample
/// <c>[B, C, D, H, W]</c>, the image condition and the noise level τ = t/1000 as one channel after the other.
/// </summary>
/// <typeparam name="TOptions">The architecture's options.</typeparam>
public abstract class VolumeArchitecture<TOptions> : IArchitecture<TOptions>
    where TOptions : ChannelOptions, new()
{
    /// <inheritdoc cref="IPart{TOptions}.Tiny"/>
    public virtual TOptions Tiny => new();

    /// <summary>Builds the network, with parameters in float32; they are moved to the context's device.</summary>
    /// <param name="options">Complete options.</param>
    /// <param name="from">Channels that it is given, the noise level's among them.</param>
    /// <param name="to">Channels that it returns, on the same grid.</param>
    protected abstract nn.Module<Tensor, Tensor> Build(TOptions options, int from, int to);

    /// <inheritdoc/>
    public virtual TOptions Fit(TOptions options, DiffusionShape shape) => options with
    {
        InChannels = Fitting.InChannels(options.InChannels, shape),
        OutChannels = Fitting.OutChannels(options.OutChannels, shape),
    };

    /// <inheritdoc/>
    /// <exception cref="PlanException">The channels are not known.</exception>
    public Denoiser Create(TOptions options, PartContext context)
    {
        var (from, to) = Fitting.Require(options.InChannels, options.OutChannels);
        return new VolumeDenoiser(Build(options, from + 1, to)).to(context.Device);
    }
}

/// <summary>Shows a network of volumes the noise level as the last channel.</summary>
internal sealed class VolumeDenoiser : Denoiser
{
    private readonly nn.Module<Tensor, Tensor> network;

    public VolumeDenoiser(nn.Module<Tensor, Tensor> network)
        : base(nameof(VolumeDenoiser))
    {
        this.network = network;
        RegisterComponents();
    }

    public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var level = (timesteps / S(NoiseProcess.Horizon)).to(sample.dtype).view(-1, 1, 1, 1, 1)
            .expand(sample.shape[0], 1, sample.shape[2], sample.shape[3], sample.shape[4]);
        return network.call(cat([conditioning.Concatenate(sample), level], 1)).MoveToOuterDisposeScope(); // [B, out, D, H, W]
    }
}
