using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using VoxelZoo.Abstractions;
using VoxelZoo.Plugins.UNet3D;

namespace VoxelZoo.Kernels;

/// <summary>The network of <c>experiments/quickstart.yaml</c>: 11.4 million weights in 222 tensors, as uneven as real ones are.</summary>
internal static class QuickstartNetwork
{
    public static PartContext Context =>
        new(torch.CPU, Precision.Float32, NullLogger.Instance, TimeProvider.System, new RandomStreams(1));

    public static Denoiser Create() => new UNet3DArchitecture().Create(
        new UNet3DOptions
        {
            InChannels = 19,
            OutChannels = 8,
            Channels = [16, 64, 128, 128],
            NumResBlocks = [1, 1, 1, 1],
            AttentionLevels = [false, false, false, true],
            NumHeadChannels = 16,
            NormNumGroups = 8,
        },
        Context);
}
