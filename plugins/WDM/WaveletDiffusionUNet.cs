using TorchSharp;
using TorchSharp.Modules;
using TorchSharp.Utils;
using VoxelZoo.Abstractions;
using VoxelZoo.Tensors;
using static TorchSharp.torch;
using static VoxelZoo.Tensors.Scalars;
using F = TorchSharp.torch.nn.functional;
using Layer = TorchSharp.torch.nn.Module<TorchSharp.torch.Tensor, TorchSharp.torch.Tensor>;

namespace VoxelZoo.Plugins.WDM;

// The network from top to bottom: UNet, blocks, resampling, layers. Fields carry the authors' key names, because TorchSharp takes the
// keys of a state dict from them. Shapes: B batch, C channels, D×H×W voxels, E = 4·base embedding.
//
// Beside what it computes, each of them says what autograd keeps of it for one sample, by the operations' backward formulas: a
// convolution, a group normalisation, a SiLU and an average pooling keep their input, dropout keeps its mask; additions, concatenations
// and nearest upsampling keep nothing. Statistics and time embeddings are too small to matter; allocator overhead and convolution
// workspaces come on top.

/// <summary>The UNet. Its last convolution starts at zero, so an untrained network predicts exactly 0.</summary>
internal sealed class WaveletDiffusionUNet : Denoiser
{
    private readonly Sequential time_embed;
    private readonly ModuleList<ModuleList<nn.Module>> input_blocks = new();
    private readonly ModuleList<ResBlock> middle_block = new();
    private readonly ModuleList<ModuleList<nn.Module>> output_blocks = new();
    [ComponentName(Name = "out")]
    private readonly Sequential _out;

    private readonly int _base;
    private readonly bool _additive;

    public WaveletDiffusionUNet(WDMOptions options, PartContext context)
        : base(nameof(WaveletDiffusionUNet))
    {
        (_base, _additive) = (options.BaseChannels, options.AdditiveSkips);
        var last = options.Levels - 1;
        var layers = new Layers(4 * _base, options.NormNumGroups, options.Dropout, options.ResidualResampling, context);

        time_embed = nn.Sequential(layers.Linear(_base, layers.Embedding), nn.SiLU(), layers.Linear(layers.Embedding, layers.Embedding));

        var width = _base;
        var kept = new Stack<int>([width]);
        input_blocks.Add(Entry(layers.Convolution(options.InChannels!.Value, width)));
        for (var level = 0; level <= last; level++)
        {
            for (var block = 0; block < options.NumResBlocks; block++)
            {
                input_blocks.Add(Entry(new ResBlock(layers, width, options.Width(level))));
                kept.Push(width = options.Width(level));
            }

            if (level == last)
                break;
            input_blocks.Add(Entry(layers.Halve(width)));
            kept.Push(width);
        }

        middle_block.Add(new ResBlock(layers, width, width));
        middle_block.Add(new ResBlock(layers, width, width));

        for (var level = last; level >= 0; level--)
            for (var block = 0; block <= options.NumResBlocks; block++)
            {
                // features that are to be added must have the width of what they are added to, the next kept
                var from = _additive ? width : width + kept.Peek();
                kept.Pop();
                width = !_additive ? options.Width(level) : kept.TryPeek(out var next) ? next : _base;
                var entry = Entry(new ResBlock(layers, from, width));
                if (level > 0 && block == options.NumResBlocks)
                    entry.Add(layers.Double(width));
                output_blocks.Add(entry);
            }

        _out = nn.Sequential(layers.Norm(width), nn.SiLU(), layers.Convolution(width, options.OutChannels!.Value, zero: true));
        RegisterComponents();
    }

    public override int EmbeddingSize => 4 * _base;

    public override Tensor forward(Tensor sample, Tensor timesteps, Conditioning conditioning)
    {
        using var scope = NewDisposeScope();
        var embedding = conditioning.Modulate(time_embed.call(TimeEmbedding.Sinusoidal(timesteps, _base)));  // [B, E]
        var h = conditioning.Concatenate(sample);                                                            // [B, in, D, H, W]

        var skips = new Stack<Tensor>();
        foreach (var entry in input_blocks)
            skips.Push(h = Run(entry, h, embedding));
        h = Run(middle_block, h, embedding);                                                                 // [B, C, D/2^(L−1), …]
        foreach (var entry in output_blocks)
        {
            using var step = NewDisposeScope();
            h = Run(entry, Join(h, skips.Pop()), embedding).MoveToOuterDisposeScope();
        }

        return _out.call(h).MoveToOuterDisposeScope();                                                       // [B, out, D, H, W]
    }

    /// <summary>What autograd keeps of a forward pass.</summary>
    /// <param name="input">The sample with its image condition.</param>
    public SavedElements Saved(VolumeShape input)
    {
        var h = input with { Channels = _base };
        var saved = SavedElements.OfLayer(input.Elements); // the first entry is a convolution alone
        var skips = new Stack<VolumeShape>([h]);
        foreach (var entry in input_blocks.Skip(1))
        {
            saved += Saved(entry, ref h);
            skips.Push(h);
        }

        saved += Saved(middle_block, ref h);
        foreach (var entry in output_blocks)
        {
            var skip = skips.Pop();
            if (!_additive)
                h = h with { Channels = h.Channels + skip.Channels };
            saved += Saved(entry, ref h);
        }

        return saved + SavedElements.OfLayer(3 * h.Elements); // inputs of norm, SiLU and convolution
    }

    // Without a backward pass, disposing frees the largest tensors as soon as they were used; with one, autograd holds what it needs.
    // It needs neither of the two that are averaged, so the average takes the place of one.
    private Tensor Join(Tensor h, Tensor skip)
    {
        using (skip)
        {
            if (_additive)
            {
                h.add_(skip).mul_(S(0.5));
                return h;
            }

            using (h)
                return cat([h, skip], 1);
        }
    }

    private static ModuleList<nn.Module> Entry(nn.Module first) => new(first);

    private static Tensor Run(IEnumerable<nn.Module> modules, Tensor h, Tensor embedding)
    {
        foreach (var module in modules)
            h = module is ResBlock block ? block.call(h, embedding) : ((Layer)module).call(h);
        return h;
    }

    private static SavedElements Saved(IEnumerable<nn.Module> modules, ref VolumeShape h)
    {
        var saved = default(SavedElements);
        foreach (var module in modules)
            saved += ((ISaving)module).Saved(ref h);
        return saved;
    }
}

// ---------------------------------------------------------------------------------------------------------------- blocks

/// <summary>What says of itself what autograd keeps.</summary>
internal interface ISaving
{
    /// <summary>What is kept of a pass over <paramref name="h"/>, which becomes the output's shape.</summary>
    SavedElements Saved(ref VolumeShape h);
}

/// <summary>
/// Two normalised convolutions with the time embedding added between them, and a skip. Starts as the skip alone. Where the block changes
/// the grid's size, both ways are resampled, the first after its norm and activation.
/// </summary>
internal sealed class ResBlock : nn.Module<Tensor, Tensor, Tensor>, ISaving
{
    private readonly Sequential in_layers;
    private readonly Sequential emb_layers;
    private readonly Sequential out_layers;
    private readonly Conv3d? skip_connection;
    private readonly Layer? resample;

    private readonly int _width;
    private readonly bool _drops;
    private readonly bool _checkpointing;

    // the resampler makes a layer without parameters; null keeps the size
    public ResBlock(Layers layers, int from, int to, Func<Layer>? resampler = null)
        : base(nameof(ResBlock))
    {
        (_width, _drops, _checkpointing) = (to, layers.Dropout > 0, layers.Context.GradientCheckpointing);
        // named, so that resampling does not shift the convolution's key
        List<(string, Layer)> first = [("0", layers.Norm(from)), ("1", nn.SiLU()), ("2", layers.Convolution(from, to))];
        if (resampler is not null)
            first.Insert(2, ("resample", resampler()));
        in_layers = nn.Sequential(first);
        emb_layers = nn.Sequential(nn.SiLU(), layers.Linear(layers.Embedding, to));
        out_layers = nn.Sequential(layers.Norm(to), nn.SiLU(), nn.Dropout(layers.Dropout), layers.Convolution(to, to, zero: true));
        if (from != to)
            skip_connection = layers.Convolution(from, to, kernel: 1);
        resample = resampler?.Invoke();
        RegisterComponents();
    }

    public override Tensor forward(Tensor x, Tensor embedding) =>
        GradientCheckpoint.RunIf(_checkpointing, this, inputs => Compute(inputs[0], inputs[1]), x, embedding);

    private Tensor Compute(Tensor x, Tensor embedding)
    {
        using var scope = NewDisposeScope();
        var time = emb_layers.call(embedding);                             // [B, to]
        var h = in_layers.call(x);
        h = out_layers.call(h.add_(time.view(time.shape[0], time.shape[1], 1, 1, 1)));
        x = resample?.call(x) ?? x;
        return h.add_(skip_connection?.call(x) ?? x).MoveToOuterDisposeScope();
    }

    public SavedElements Saved(ref VolumeShape h)
    {
        var input = h.Elements;
        var resampled = resample switch { null => h, AvgPool3d => h.Coarser(2), _ => h.Finer(2) };
        h = resampled with { Channels = _width };
        // inputs of norm, SiLU and where there is one pooling, and of the convolution, which the skip's shares or sees a sum of
        var first = (resample is AvgPool3d ? 3 : 2) * input + resampled.Elements;
        // the same again, and dropout's mask
        var second = (_drops ? 4 : 3) * h.Elements;
        return SavedElements.OfBlock(input, first + second);
    }
}

/// <summary>Halves D, H and W by a strided convolution.</summary>
internal sealed class Downsample : Layer, ISaving
{
    private readonly Conv3d op;

    public Downsample(Layers layers, int channels)
        : base(nameof(Downsample))
    {
        op = layers.Convolution(channels, channels, stride: 2);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x) => op.call(x);

    public SavedElements Saved(ref VolumeShape h)
    {
        var input = h.Elements;
        h = h.Coarser(2);
        return SavedElements.OfLayer(input);
    }
}

/// <summary>Doubles D, H and W by repetition, then convolves.</summary>
internal sealed class Upsample : Layer, ISaving
{
    private readonly Conv3d conv;

    public Upsample(Layers layers, int channels)
        : base(nameof(Upsample))
    {
        conv = layers.Convolution(channels, channels);
        RegisterComponents();
    }

    public override Tensor forward(Tensor x)
    {
        using var scope = NewDisposeScope();
        var large = F.interpolate(x, scale_factor: [2, 2, 2], mode: InterpolationMode.Nearest);
        return conv.call(large).MoveToOuterDisposeScope();
    }

    // the large input of the convolution
    public SavedElements Saved(ref VolumeShape h)
    {
        h = h.Finer(2);
        return SavedElements.OfLayer(h.Elements);
    }
}

// ---------------------------------------------------------------------------------------------------------------- layers

/// <summary>What all layers of one network share.</summary>
internal sealed record Layers(int Embedding, int Groups, double Dropout, bool ResidualResampling, PartContext Context)
{
    /// <summary>A convolution that keeps the size, or divides it by the stride.</summary>
    public Conv3d Convolution(int from, int to, int kernel = 3, int stride = 1, bool zero = false)
    {
        var conv = nn.Conv3d(from, to, kernel, stride, padding: kernel / 2, device: Context.Device);
        if (zero)
        {
            nn.init.zeros_(conv.weight);
            nn.init.zeros_(conv.bias!);
        }

        return conv;
    }

    public Linear Linear(int from, int to) => nn.Linear(from, to, device: Context.Device);

    public GroupNorm Norm(int channels) => Norms.GroupNorm(Groups, channels, device: Context.Device);

    /// <summary>What halves the grid between two levels.</summary>
    public nn.Module Halve(int channels) => ResidualResampling
        ? new ResBlock(this, channels, channels, static () => nn.AvgPool3d(2))
        : new Downsample(this, channels);

    /// <summary>What doubles the grid between two levels.</summary>
    public nn.Module Double(int channels) => ResidualResampling
        ? new ResBlock(this, channels, channels, static () => nn.Upsample(scale_factor: [2, 2, 2], mode: UpsampleMode.Nearest))
        : new Upsample(this, channels);
}
