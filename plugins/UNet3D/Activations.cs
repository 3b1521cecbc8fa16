using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.UNet3D;

/// <summary>
/// Elements that autograd keeps of one forward pass on one sample, summed by hand over the operations' backward formulas: a
/// convolution, a linear layer, a group normalisation and a SiLU keep their input, attention keeps q, k, v and its output;
/// additions, concatenations and nearest upsampling keep nothing. Statistics and time embeddings are too small to matter;
/// allocator overhead and convolution workspaces come on top.
/// </summary>
internal static class Activations
{
    /// <param name="options">Complete options.</param>
    /// <param name="latent">The grid.</param>
    /// <param name="checkpointing">Whether blocks keep their inputs alone; the largest one is then counted whole besides, as it is when it is computed again.</param>
    public static long Count(UNet3DOptions options, VolumeShape latent, bool checkpointing = false)
    {
        long kept = 0, largest = 0;
        var channels = options.Channels;
        var last = options.Levels - 1;
        var skips = new Stack<int>([channels[0]]);
        kept += options.InChannels!.Value * Voxels(0);

        for (var level = 0; level <= last; level++)
        {
            var width = channels[Math.Max(level - 1, 0)];
            for (var block = 0; block < options.NumResBlocks[level]; block++)
            {
                Residual(width, level);
                width = channels[level];
                skips.Push(width);
            }

            if (level == last)
                break;
            kept += width * Voxels(level); // input of the downsampling convolution
            skips.Push(width);
        }

        Block(channels[last], 6L * channels[last], last);
        Block(channels[last], Attention(channels[last]), last);
        Block(channels[last], 6L * channels[last], last);

        for (var level = last; level >= 0; level--)
        {
            var width = channels[Math.Min(level + 1, last)];
            for (var block = 0; block <= options.NumResBlocks[level]; block++)
            {
                Residual(width + skips.Pop(), level);
                width = channels[level];
            }

            if (level > 0)
                kept += width * Voxels(level - 1); // the upsampled input of its convolution
        }

        return kept + largest + 3L * channels[0] * Voxels(0);

        long Voxels(int level) => latent.Voxels >> (3 * level);

        // inputs of norm, SiLU and convolution, twice; the skip's convolution shares the first
        void Residual(int width, int level)
        {
            Block(width, 3L * width + 3L * channels[level], level);
            if (options.AttentionLevels[level])
                Block(channels[level], Attention(channels[level]), level);
        }

        void Block(int input, long all, int level)
        {
            kept += (checkpointing ? input : all) * Voxels(level);
            if (checkpointing)
                largest = Math.Max(largest, (all - input) * Voxels(level));
        }
    }

    // inputs of norm and of the three projections, q, k, v, and attention's output before and after the heads are joined
    private static long Attention(int width) => 7L * width;
}
