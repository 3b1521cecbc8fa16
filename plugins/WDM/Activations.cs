using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.WDM;

/// <summary>
/// Elements that autograd keeps of one forward pass on one sample, summed by hand over the operations' backward formulas: a
/// convolution, a group normalisation, a SiLU and an average pooling keep their input, dropout keeps its mask; additions,
/// concatenations and nearest upsampling keep nothing. Statistics and time embeddings are too small to matter;
/// allocator overhead and convolution workspaces come on top.
/// </summary>
internal static class Activations
{
    /// <param name="options">Complete options.</param>
    /// <param name="latent">The grid.</param>
    /// <param name="checkpointing">Whether blocks keep their inputs alone; the largest one is then counted whole besides, as it is when it is computed again.</param>
    public static long Count(WDMOptions options, VolumeShape latent, bool checkpointing = false)
    {
        long largest = 0;
        var last = options.Levels - 1;
        var width = options.BaseChannels;
        var skips = new Stack<int>([width]);
        var kept = options.InChannels!.Value * Voxels(0);

        for (var level = 0; level <= last; level++)
        {
            for (var block = 0; block < options.NumResBlocks; block++)
            {
                Residual(width, options.Width(level), level);
                skips.Push(width = options.Width(level));
            }

            if (level == last)
                break;
            if (options.ResidualResampling)
                // inputs of norm, SiLU and pooling; on the coarse grid that of the first convolution and the second half
                Block(width * Voxels(level), 3L * width * Voxels(level) + (width + SecondHalf(width)) * Voxels(level + 1));
            else
                kept += width * Voxels(level);
            skips.Push(width);
        }

        Residual(width, width, last);
        Residual(width, width, last);

        for (var level = last; level >= 0; level--)
        {
            for (var block = 0; block <= options.NumResBlocks; block++)
            {
                var from = options.AdditiveSkips ? width : width + skips.Peek();
                skips.Pop();
                width = !options.AdditiveSkips ? options.Width(level) : skips.TryPeek(out var next) ? next : options.BaseChannels;
                Residual(from, width, level);
            }

            if (level == 0)
                break;
            if (options.ResidualResampling)
                // inputs of norm and SiLU; on the fine grid that of the first convolution and the second half
                Block(width * Voxels(level), 2L * width * Voxels(level) + (width + SecondHalf(width)) * Voxels(level - 1));
            else
                kept += width * Voxels(level - 1);
        }

        return kept + largest + 3L * width * Voxels(0);

        long Voxels(int level) => latent.Voxels >> (3 * level);

        // inputs of norm, SiLU and convolution, twice; the skip's convolution shares the first
        void Residual(int from, int to, int level) => Block(from * Voxels(level), (3L * from + SecondHalf(to)) * Voxels(level));

        void Block(long input, long all)
        {
            kept += checkpointing ? input : all;
            if (checkpointing)
                largest = Math.Max(largest, all - input);
        }

        long SecondHalf(int channels) => (options.Dropout > 0 ? 4L : 3L) * channels;
    }
}
