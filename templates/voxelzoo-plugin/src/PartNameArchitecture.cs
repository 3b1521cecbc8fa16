namespace Acme.Plugin._1;

// within the namespace, so that one called My.Architecture does not hide the contract's type
using System.ComponentModel.DataAnnotations;
using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;

/// <summary>Options of <c>part_id</c>.</summary>
public sealed record PartNameOptions
{
    /// <summary>Channels of the noisy sample and its condition. Default: what the experiment implies.</summary>
    [Range(1, 1024)]
    public int? InChannels { get; init; }

    /// <summary>Channels of the prediction. Default: what the experiment implies.</summary>
    [Range(1, 1024)]
    public int? OutChannels { get; init; }

    /// <summary>Channels within the network. Default 32.</summary>
    [Range(2, 1024)]
    public int Width { get; init; } = 32;

    /// <summary>Residual blocks one after the other. Default 4.</summary>
    [Range(1, 64)]
    public int Blocks { get; init; } = 4;
}

/// <summary>A residual network at one resolution, whose blocks the time scales and shifts (FiLM, arXiv:1709.07871).</summary>
[Architecture("part_id", Summary = "Residual blocks at full resolution, modulated by the time.")]
public sealed class PartNameArchitecture : IArchitecture<PartNameOptions>
{
    /// <inheritdoc/>
    public PartNameOptions Tiny => new() { Width = 8, Blocks = 2 };

    /// <inheritdoc/>
    public PartNameOptions Fit(PartNameOptions options, DiffusionShape shape) => options with
    {
        InChannels = Fitting.InChannels(options.InChannels, shape),
        OutChannels = Fitting.OutChannels(options.OutChannels, shape),
    };

    /// <inheritdoc/>
    public Denoiser Create(PartNameOptions options, PartContext context)
    {
        var (from, to) = Fitting.Require(options.InChannels, options.OutChannels);
        return new Network(from, to, options).to(context.Device);
    }

    // fields are named as the keys of the weights
    private sealed class Network : Denoiser
    {
        private readonly int _width;
        private readonly Linear time;
        private readonly Conv3d conv_in;
        private readonly ModuleList<Block> blocks;
        private readonly Conv3d conv_out;

        public Network(int from, int to, PartNameOptions options)
            : base(nameof(Network))
        {
            _width = options.Width;
            time = nn.Linear(_width, _width);
            conv_in = nn.Conv3d(from, _width, 3, padding: 1);
            blocks = new ModuleList<Block>([.. Enumerable.Range(0, options.Blocks).Select(_ => new Block(_width))]);
            conv_out = nn.Conv3d(_width, to, 3, padding: 1);
            RegisterComponents();
        }

        public override int EmbeddingSize => _width;

        public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
        {
            using var scope = NewDisposeScope();
            var seen = time.call(TimeEmbedding.Sinusoidal(timesteps, _width));
            var embedding = conditioning.Modulate(nn.functional.silu(seen)); // [B, width]
            var x = conv_in.call(conditioning.Concatenate(sample));          // [B, width, D, H, W]
            foreach (var block in blocks)
                x = block.call(x, embedding);
            return conv_out.call(x).MoveToOuterDisposeScope();
        }
    }

    /// <summary>x + conv(silu(conv(x) · (1 + scale) + shift)), scale and shift of the time.</summary>
    private sealed class Block : nn.Module<Tensor, Tensor, Tensor>
    {
        private readonly Conv3d first;
        private readonly Linear film;
        private readonly Conv3d second;

        public Block(int width)
            : base(nameof(Block))
        {
            first = nn.Conv3d(width, width, 3, padding: 1);
            film = nn.Linear(width, 2 * width);
            second = nn.Conv3d(width, width, 3, padding: 1);
            RegisterComponents();
        }

        public override Tensor forward(Tensor x, Tensor embedding)
        {
            using var scope = NewDisposeScope();
            var (scale, shift) = Halves(film.call(embedding).view(x.shape[0], -1, 1, 1, 1));
            var h = first.call(x);
            return (x + second.call(nn.functional.silu(h + h * scale + shift))).MoveToOuterDisposeScope();
        }

        private static (Tensor, Tensor) Halves(Tensor both) => (both.chunk(2, 1)[0], both.chunk(2, 1)[1]);
    }
}
