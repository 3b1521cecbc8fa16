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
    public static long Count(WDMOptions options, VolumeShape latent)
    {
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
                kept += 3L * width * Voxels(level) + (width + SecondHalf(width)) * Voxels(level + 1);
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
                kept += 2L * width * Voxels(level) + (width + SecondHalf(width)) * Voxels(level - 1);
            else
                kept += width * Voxels(level - 1);
        }

        return kept + 3L * width * Voxels(0);

        long Voxels(int level) => latent.Voxels >> (3 * level);

        // inputs of norm, SiLU and convolution, twice; the skip's convolution shares the first
        void Residual(int from, int to, int level) => kept += (3L * from + SecondHalf(to)) * Voxels(level);

        long SecondHalf(int channels) => (options.Dropout > 0 ? 4L : 3L) * channels;
    }
}
