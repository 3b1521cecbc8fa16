using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using TorchSharp;

namespace VoxelZoo.Abstractions;

/// <summary>What the host gives to a part when it is created. A part takes nothing from its environment but this.</summary>
/// <param name="Device">Where parameters and buffers are to be created; <c>meta</c> when only their shapes are wanted.</param>
/// <param name="Precision">The precision in which forward passes will run. Parameters are float32 in either.</param>
/// <param name="Logger">Where the part may report; already named after the plugin.</param>
/// <param name="Clock">The time.</param>
/// <param name="Random">The run's named random streams.</param>
public sealed record PartContext(
    torch.Device Device,
    Precision Precision,
    ILogger Logger,
    TimeProvider Clock,
    RandomStreams Random)
{
    /// <summary>
    /// Whether a network is to compute its blocks again in the backward pass instead of keeping what they computed (arXiv:1604.06174).
    /// Networks that cannot do that leave <see cref="DenoiserFacts.CheckpointedElements"/> null, and the host refuses.
    /// </summary>
    public bool GradientCheckpointing { get; init; }

    /// <summary>
    /// The folder of the part's own plugin, for files that it brings, which the build copied to its output; nothing is written there. Null
    /// for parts of the program itself, and by hosts of before contract 1.5: who cannot do without says so. Since contract 1.5.
    /// </summary>
    public string? PluginFolder { get; init; }

    /// <summary>
    /// A new context for networks of which only the shapes are wanted: device <c>meta</c>, on which weights take no memory.
    /// </summary>
    public static PartContext Meta =>
        new(torch.META, Precision.Float32, NullLogger.Instance, TimeProvider.System, new RandomStreams(0));
}

/// <summary>The precision of forward passes.</summary>
public enum Precision
{
    /// <summary>32-bit floats throughout.</summary>
    Float32,

    /// <summary>Autocast: convolutions and matrix products in bfloat16, parameters, gradients and losses in float32.</summary>
    Bfloat16,
}
