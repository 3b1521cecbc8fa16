using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Plugins.Tests;

internal static class Contexts
{
    public static PartContext Cpu => On(torch.CPU);

    /// <summary>Shapes without memory.</summary>
    public static PartContext Meta => PartContext.Meta;

    private static PartContext On(torch.Device device) =>
        new(device, Precision.Float32, NullLogger.Instance, TimeProvider.System, new RandomStreams(1));
}
