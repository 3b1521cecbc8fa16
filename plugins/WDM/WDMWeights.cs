using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.WDM;

/// <summary>Reads weights of the UNet of wavelet diffusion, by its authors' names.</summary>
internal static class WDMWeights
{
    public static WeightReading Read(WeightShapes shapes)
    {
        var channels = shapes.Size("input_blocks.0.0.weight", 0);
        var entries = shapes.Count("output_blocks");
        // the last entry of a level also doubles the size; of one level there is none
        var doubling = Enumerable.Range(0, entries)
            .Where(entry => shapes.Has($"output_blocks.{entry}.1")).Select(entry => (int?)entry).FirstOrDefault();
        var ofLevel = (doubling ?? entries - 1) + 1;
        if (ofLevel < 2 || entries % ofLevel != 0)
            throw new PlanException($"the weights have {entries} entries `output_blocks`, which do not divide into levels of {ofLevel}");
        var (blocks, levels) = (ofLevel - 1, entries / ofLevel);
        int[] widths =
        [
            .. Enumerable.Range(0, levels).Select(level => shapes.Size($"input_blocks.{1 + level * ofLevel}.0.out_layers.3.weight", 0)),
        ];
        if (widths.FirstOrDefault(width => width % channels != 0) is var odd and not 0)
            throw new PlanException($"a level has {odd} channels, which is no multiple of the first convolution's {channels}");
        var options = new WDMOptions
        {
            InChannels = shapes.Size("input_blocks.0.0.weight", 1),
            OutChannels = shapes.Size("out.2.weight", 0),
            BaseChannels = channels,
            ChannelMultipliers = [.. widths.Select(width => width / channels)],
            NumResBlocks = blocks,
            AdditiveSkips = shapes.Size("output_blocks.0.0.in_layers.2.weight", 1) == shapes.Size("middle_block.1.out_layers.3.weight", 0),
            ResidualResampling = levels == 1 || shapes.Has($"input_blocks.{ofLevel}.0.in_layers"),
        };
        return new WeightReading(options with { NormNumGroups = WeightShapes.Divisor(options.NormNumGroups, [channels, .. widths]) })
        {
            Assumed = ["norm_num_groups"],
        };
    }
}
