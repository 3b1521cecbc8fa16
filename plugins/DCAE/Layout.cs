using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.DCAE;

/// <summary>What consistent options come to.</summary>
internal sealed class Layout
{
    /// <summary>Voxels of a slice that become one.</summary>
    private const int Square = 4;

    private const long MostElements = 1 << 27;
    private const int DefaultChannelStep = 4;

    /// <summary>Completes <paramref name="options"/>.</summary>
    /// <exception cref="PlanException">The options contradict each other.</exception>
    public Layout(DCAEOptions options)
    {
        Options = options;
        if (Stages == 0)
            throw new PlanException("encoder_block_out_channels names no stage; give it at least one width", "encoder_block_out_channels");
        RefuseList(options.EncoderBlockOutChannels, Stages, 1, "encoder_block_out_channels");
        RefuseList(options.DecoderBlockOutChannels, Stages, 1, "decoder_block_out_channels");
        RefuseList(options.EncoderLayersPerBlock, Stages, 0, "encoder_layers_per_block");
        RefuseList(options.DecoderLayersPerBlock, Stages, 0, "decoder_layers_per_block");
        DepthFactors = options.DepthFactors ?? [.. Enumerable.Range(0, Stages - 1).Select(step => !SliceWise && step < 2 ? 2 : 1)];
        RefuseList(DepthFactors, Stages - 1, 1, "depth_factors");
        RefuseOtherForm();
        RefuseShortcuts();
        Prefixes = StructuredPrefixes();
    }

    public DCAEOptions Options { get; }

    public int Stages => Options.EncoderBlockOutChannels.Count;

    /// <summary>Whether the network sees slices instead of volumes.</summary>
    public bool SliceWise => Options.Dimensions == 2;

    /// <summary>How many slices become one between each stage and the next, finest first.</summary>
    public IReadOnlyList<int> DepthFactors { get; }

    /// <summary>Numbers of first channels that are a latent by themselves, ascending; empty if the latent is not structured.</summary>
    public IReadOnlyList<int> Prefixes { get; }

    /// <summary>The shape of a volume's latent.</summary>
    /// <exception cref="PlanException">The volume has other channels or a size that does not divide.</exception>
    public VolumeShape Latent(VolumeShape volume)
    {
        Fitting.RefuseOtherChannels(Options.InChannels, volume);
        var depth = DepthFactors.Aggregate(1L, (product, factor) => product * factor);
        var reduction = 1L << (Stages - 1);
        return new VolumeShape(
            Options.LatentChannels,
            Divided("depth", volume.Depth, depth, $"depth_factors [{string.Join(", ", DepthFactors)}]", "depth_factors"),
            Divided("height", volume.Height, reduction, $"{Stages} stages", "encoder_block_out_channels"),
            Divided("width", volume.Width, reduction, $"{Stages} stages", "encoder_block_out_channels"));

        int Divided(string axis, int size, long by, string whose, string key) => size >= by && size % by == 0
            ? (int)(size / by)
            : throw new PlanException(
                $"{axis} {size} of the {volume} volume does not divide by {by}, as {whose} need; "
                + $"the nearest {axis} that does is {Math.Max(1, (size + by / 2) / by) * by}",
                key);
    }

    /// <summary>Slices of height × width voxels that the network may see at once.</summary>
    public long SlicesAtOnce(long height, long width)
    {
        return Options.SlicesAtOnce
            ?? Math.Max(1, MostElements / Math.Max(Largest(Options.EncoderBlockOutChannels), Largest(Options.DecoderBlockOutChannels)));

        // elements of one slice's largest activation: each stage has a quarter of the voxels of the one before it
        long Largest(IReadOnlyList<int> widths) => widths.Select((channels, stage) => (channels * height * width) >> (2 * stage)).Max();
    }

    // what only volumes or only slices have
    private void RefuseOtherForm()
    {
        if (SliceWise && DepthFactors.Any(factor => factor != 1))
            throw new PlanException(
                $"depth_factors [{string.Join(", ", DepthFactors)}] compress the depth, "
                + "but dimensions: 2 encodes each slice by itself; leave depth_factors out or use dimensions: 3",
                "depth_factors");
        if (!SliceWise && Options.SlicesAtOnce is { } slices)
            throw new PlanException(
                $"slices_at_once is {slices}, but dimensions: 3 encodes volumes as a whole; leave it out or use dimensions: 2",
                "slices_at_once");
    }

    // a shortcut takes means over groups of channels or repeats them, so the one width divides the other
    private void RefuseShortcuts()
    {
        var (encoder, decoder, latent) = (Options.EncoderBlockOutChannels, Options.DecoderBlockOutChannels, Options.LatentChannels);
        for (var stage = 1; stage < Stages; stage++)
        {
            var block = Square * (long)DepthFactors[stage - 1];
            var widths = Enumerable.Range(1, encoder[stage - 1])
                .Where(divisor => encoder[stage - 1] % divisor == 0).Select(divisor => divisor * block);
            if (!widths.Contains(encoder[stage]))
                throw new PlanException(
                    $"{encoder[stage]} channels of the encoder's stage {stage} are not {block}, the voxels that become one, "
                    + $"times a divisor of the {encoder[stage - 1]} channels of the stage before; "
                    + $"the nearest that are is {widths.MinBy(width => Math.Abs(width - encoder[stage]))}",
                    "encoder_block_out_channels");
            if (decoder[stage - 1] * block % decoder[stage] != 0)
                throw new PlanException(
                    $"{decoder[stage]} channels of the decoder's stage {stage} do not repeat into {decoder[stage - 1]} channels of "
                    + $"{block} voxels; take a divisor of {decoder[stage - 1] * block}",
                    "decoder_block_out_channels");
        }

        if (Options.EncoderOutShortcut && encoder[^1] % latent != 0)
            throw new PlanException(
                $"{encoder[^1]} channels of the encoder's last stage do not average into {latent} latent channels; "
                + $"take a divisor of {encoder[^1]} or set encoder_out_shortcut: false",
                "latent_channels");
        if (Options.DecoderInShortcut && decoder[^1] % latent != 0)
            throw new PlanException(
                $"{latent} latent channels do not repeat into the {decoder[^1]} channels of the decoder's last stage; "
                + $"take a divisor of {decoder[^1]} or set decoder_in_shortcut: false",
                "latent_channels");
    }

    private IReadOnlyList<int> StructuredPrefixes()
    {
        var all = Options.LatentChannels;
        if (Options.StructuredMinChannels is not { } least)
            return Options.StructuredChannelStep is not { } unused
                ? []
                : throw new PlanException(
                    $"structured_channel_step is {unused}, but the latent is not structured; "
                    + "set structured_min_channels or leave the step out",
                    "structured_channel_step");
        if (least >= all)
            throw new PlanException(
                $"structured_min_channels is {least}, but the latent has {all} channels; take fewer than {all} or leave it out",
                "structured_min_channels");
        var step = Options.StructuredChannelStep ?? DefaultChannelStep;
        return [.. Enumerable.Range(0, (all - least + step - 1) / step).Select(index => least + index * step), all];
    }

    private void RefuseList(IReadOnlyList<int> values, int count, int least, string key)
    {
        if (values.Count != count)
            throw new PlanException(
                $"{key} has {values.Count} values for the {Stages} stages of encoder_block_out_channels; give {count}", key);
        if (values.Any(value => value < least))
            throw new PlanException($"{key} holds {values.Min()}; make every value at least {least}", key);
    }
}
