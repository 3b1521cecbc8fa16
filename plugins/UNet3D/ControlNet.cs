using TorchSharp;
using TorchSharp.Modules;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Plugins.UNet3D;

/// <summary>
/// The branch by which an image steers a <see cref="DiffusionModelUNet"/> (arXiv:2302.05543): a copy of its encoder that also sees the
/// image, and whose outputs go through convolutions that start at zero. Keys are those of MONAI's <c>ControlNet</c>.
/// </summary>
internal sealed class ControlNet : ControlBranch
{
    private static readonly string[] Shared = ["conv_in.", "time_embed.", "down_blocks.", "middle_block."];

    private readonly Sequential conv_in;
    private readonly Sequential time_embed;
    private readonly ImageEmbedding controlnet_cond_embedding;
    private readonly ModuleList<DownBlock> down_blocks;
    private readonly ModuleList<nn.Module<Tensor, Tensor>> controlnet_down_blocks = new();
    private readonly MiddleBlock middle_block;
    private readonly Sequential controlnet_mid_block;

    private readonly Encoder _encoder;

    public ControlNet(UNet3DOptions options, ControlOptions control, PartContext context)
        : base(nameof(ControlNet))
    {
        var channels = options.Channels;
        var layers = new Layers(options, context);
        _encoder = new Encoder(layers, options);
        (conv_in, time_embed, down_blocks, middle_block) = (_encoder.ConvIn, _encoder.TimeEmbed, _encoder.DownBlocks, _encoder.MiddleBlock);
        controlnet_cond_embedding = new ImageEmbedding(layers, control, channels[0]);

        // MONAI wraps every convolution but this one: its keys are controlnet_down_blocks.0.weight and .bias
        controlnet_down_blocks.Add(layers.BareConvolution(channels[0], channels[0], 1, zero: true));
        for (var level = 0; level < options.Levels; level++)
        {
            var outputs = options.NumResBlocks[level] + (level < options.Levels - 1 ? 1 : 0);
            for (var output = 0; output < outputs; output++)
                controlnet_down_blocks.Add(Zero(channels[level]));
        }

        controlnet_mid_block = Zero(channels[^1]);
        RegisterComponents();

        Sequential Zero(int width) => layers.Convolution(width, width, 1, zero: true);
    }

    /// <inheritdoc/>
    /// <exception cref="PlanException">The image's grid does not become the sample's.</exception>
    public override IReadOnlyList<Tensor> Residuals(Tensor sample, Tensor timesteps, Tensor control, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        controlnet_cond_embedding.RefuseMisfit(control, sample);
        var (middle, skips, _) = _encoder.Forward(sample, timesteps, conditioning, controlnet_cond_embedding.call(control));
        return
        [
            .. skips.Reverse().Zip(controlnet_down_blocks, (skip, zero) => zero.call(skip).MoveToOuterDisposeScope()),
            controlnet_mid_block.call(middle).MoveToOuterDisposeScope(),
        ];
    }

    /// <summary>Copies the encoder of a UNet of the same options.</summary>
    /// <exception cref="ArgumentException">The denoiser is none, or one of other options; nothing was copied.</exception>
    public override void StartFrom(Denoiser denoiser)
    {
        if (denoiser is not DiffusionModelUNet)
            throw new ArgumentException(
                $"a ControlNet of unet3d starts from a denoiser of unet3d, not from {denoiser.GetType().Name}", nameof(denoiser));

        var (own, theirs) = (Encoder(this), Encoder(denoiser));
        if (own.Keys.Concat(theirs.Keys).FirstOrDefault(key => Shape(own, key) != Shape(theirs, key)) is { } different)
            throw new ArgumentException(
                $"{different} is {Shape(own, different)} in the ControlNet and {Shape(theirs, different)} in the denoiser; "
                + "build both from the same options",
                nameof(denoiser));

        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        foreach (var (key, weight) in own)
            weight.copy_(theirs[key]);

        static Dictionary<string, Tensor> Encoder(nn.Module network) =>
            Weights.Of(network).Where(weight => Shared.Any(part => weight.Key.StartsWith(part, StringComparison.Ordinal))).ToDictionary();

        static string Shape(Dictionary<string, Tensor> weights, string key) =>
            weights.TryGetValue(key, out var weight) ? $"[{string.Join(", ", weight.shape)}]" : "missing";
    }
}

/// <summary>
/// From the steering image to the first convolution's output, halving the grid with each width after the first. Starts at zero.
/// </summary>
internal sealed class ImageEmbedding : nn.Module<Tensor, Tensor>
{
    private readonly Sequential conv_in;
    private readonly ModuleList<Sequential> blocks = new();
    private readonly Sequential conv_out;

    public ImageEmbedding(Layers layers, ControlOptions control, int to)
        : base(nameof(ImageEmbedding))
    {
        var widths = control.EmbeddingChannels;
        conv_in = layers.Convolution(control.ImageChannels, widths[0], 3);
        foreach (var (width, next) in widths.Zip(widths.Skip(1)))
        {
            blocks.Add(layers.Convolution(width, width, 3));
            blocks.Add(layers.Convolution(width, next, 3, stride: 2));
        }

        conv_out = layers.Convolution(widths[^1], to, 3, zero: true);
        RegisterComponents();
    }

    private int Halvings => blocks.Count / 2;

    public override Tensor forward(Tensor image)
    {
        using var scope = NewDisposeScope();
        var h = F.silu(conv_in.call(image));
        foreach (var block in blocks)
        {
            // what the backward pass needs, autograd holds
            using var input = h;
            h = F.silu(block.call(input));
        }

        return conv_out.call(h).MoveToOuterDisposeScope();
    }

    public void RefuseMisfit(Tensor image, Tensor sample)
    {
        var (from, to) = (image.shape[2..], sample.shape[2..]);
        if (from.SequenceEqual(to.Select(size => size << Halvings)))
            return;
        var fitting = Enumerable.Range(0, 16).Where(halvings => from.SequenceEqual(to.Select(size => size << halvings))).ToArray();
        throw new PlanException(
            $"{Halvings + 1} embedding channels halve the steering image's grid {Halvings} times, "
            + $"which does not make {Grid(to)} of {Grid(from)}; "
            + (fitting.Length > 0 ? $"give {fitting[0] + 1} widths" : "give an image whose sizes are the sample's times a power of two"),
            "embedding_channels");

        static string Grid(long[] sizes) => string.Join('×', sizes);
    }
}
