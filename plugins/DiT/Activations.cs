namespace VoxelZoo.Plugins.DiT;

/// <summary>
/// Elements that autograd keeps of one forward pass on one sample, summed by hand over the operations' backward formulas: a
/// convolution, a linear layer, a layer normalisation and a GELU keep their input, a modulation and a gate keep what they scale, attention
/// keeps q, k, v and its output; additions keep nothing, and the heads are views. Each tensor counts once, whoever keeps it.
/// Statistics of the normalisations, the softmax's and everything of the time embedding are left out: about one in a hundred.
/// Under autocast the residual stream stays float32 and layers keep copies, about a third more than half the bytes.
/// </summary>
internal static class Activations
{
    /// <param name="options">Complete options.</param>
    /// <param name="checkpointing">Whether blocks keep their inputs alone; one of them is then counted whole besides, as it is when it is computed again.</param>
    public static long Count(DiTOptions options, bool checkpointing = false)
    {
        var width = (long)options.HiddenSize;

        // for each token: input of the norm, of its modulation and of the layer behind it
        var modulated = 3 * width;
        // q, k and v; q and k again after their norms; the heads' output, which is the projection's input
        var attention = (options.QkNorm ? 6 : 4) * width;
        var self = modulated + attention + width;                                      // and what the gate scales
        var mlp = modulated + 2L * options.MlpSize + width;                            // before and after the GELU, and the gate's
        var cross = options.CrossAttends ? 2 * width + attention : 0;                  // input of the norm and of the queries
        var condition = options.CrossAttends ? width : 0;                              // input of every block's keys and values

        var block = self + cross + mlp;
        var blocks = checkpointing ? (options.Depth - 1) * width + block : options.Depth * block;

        var channels = options.InChannels!.Value + (options.CrossAttends ? options.ConditionChannels!.Value : 0);
        return channels * options.Input.Voxels + (blocks + condition + modulated) * options.Tokens;
    }
}
