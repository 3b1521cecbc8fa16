using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>
/// Has convolutions whose channels are no multiple of 16 computed channels-last. Channel by channel, oneDNN pads them to 16, and takes
/// the gradient of the weights by a slow way round; with the channels of a voxel side by side it does neither, and saves more than turning
/// input and output costs (docs/tensors.md). Only the convolution sees that layout.
/// </summary>
public static class OddChannels
{
    /// <summary>Channels that oneDNN computes together.</summary>
    private const long Block = 16;

    /// <summary>Voxels of a channel from which on it pays.</summary>
    private const long WorthTurning = 512;

    /// <summary>Times as many channels may come out as go in: turning what comes out costs more than is saved with more of them.</summary>
    private const long Growth = 4;

    private static readonly ConvolutionHooks Hooks = new();

    /// <summary>
    /// Makes every 3-D convolution of odd channels in a module compute channels-last where oneDNN takes it, by hooks around it. Values
    /// agree but for rounding, shapes and strides are as before. A module may be given several times.
    /// </summary>
    /// <param name="module">Stays the caller's.</param>
    public static void Hasten(nn.Module module) => Hooks.Add(
        module,
        convolution => convolution is Conv3d && CanTake(convolution),
        (_, input) => IsMeant(input) ? ChannelsLast.To(input) : input,
        (input, output) => IsMeant(input) ? output.contiguous() : output);

    private static bool CanTake(Convolution convolution) =>
        ConvolutionHooks.IsPlain(convolution)
        && convolution.weight!.shape is [var to, var from, ..]
        && (from % Block != 0 || to % Block != 0)
        && from > 2 // there is next to nothing to compute
        && to <= Growth * from;

    private static bool IsMeant(Tensor input) =>
        ConvolutionHooks.IsFloat32OnCpu(input)
        && input.dim() == 5
        && input.numel() >= WorthTurning * input.shape[1]
        && OneDnn.Takes(input);
}
