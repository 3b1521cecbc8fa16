using static TorchSharp.torch;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Plans;

/// <summary>
/// Checks what parts give: a tensor of another shape would go on by broadcasting, to numbers that are wrong without a word.
/// </summary>
internal static class PartOutput
{
    /// <summary>What the part gave, where it is floating-point and of the shape and on the device that it has to be.</summary>
    /// <param name="part">The part.</param>
    /// <param name="gives">What it gave, as <c>predicts</c>.</param>
    /// <param name="output">The tensor.</param>
    /// <param name="shape">The shape that it has to have.</param>
    /// <param name="device">Where it has to be.</param>
    /// <exception cref="PlanException">It is not; the message names the plugin and both.</exception>
    public static Tensor Checked<TPart>(this PlannedPart<TPart> part, string gives, Tensor? output, long[] shape, Device device)
        where TPart : class, IPart
    {
        if (output is null)
            throw part.Unfit($"{gives} null, and it has to be {Words(ScalarType.Float32, shape, device.type)}");
        if (output.shape.AsSpan().SequenceEqual(shape) && output.is_floating_point() && output.device_type == device.type)
            return output;
        throw part.Unfit(
            $"{gives} {Words(output.dtype, output.shape, output.device_type)}, "
            + $"and it has to be {Words(ScalarType.Float32, shape, device.type)}");
    }

    /// <summary>What code of the part gives, which must not be null.</summary>
    /// <param name="part">The part.</param>
    /// <param name="member">The member of the contract that is asked, such as <c>Create</c>.</param>
    /// <param name="code">Asks it.</param>
    /// <exception cref="PlanException">It is null; the message names the plugin and the member.</exception>
    /// <exception cref="PartFailedException">The part's code failed.</exception>
    public static TGiven Given<TPart, TGiven>(this PlannedPart<TPart> part, string member, Func<TGiven?> code)
        where TPart : class, IPart
        where TGiven : class =>
        part.Run(code) ?? throw part.Unfit($"gives null as {member}");

    /// <summary>The same of the part itself, with its options.</summary>
    /// <exception cref="PlanException">It is null, or the part refuses.</exception>
    /// <exception cref="PartFailedException">The part's code failed.</exception>
    public static TGiven Given<TPart, TGiven>(this PlannedPart<TPart> part, string member, Func<TPart, object, TGiven?> code)
        where TPart : class, IPart
        where TGiven : class =>
        part.Call(code) ?? throw part.Unfit($"gives null as {member}");

    /// <summary>The shape that a compressor says volumes of a shape to have as latents.</summary>
    /// <exception cref="PlanException">It refuses the volume, or says what is no shape.</exception>
    public static VolumeShape LatentShape(this PlannedPart<ICompressor> compressor, VolumeShape volume)
    {
        var latent = compressor.Call((part, options) => part.LatentShape(options, volume));
        return Math.Min(Math.Min(latent.Channels, latent.Depth), Math.Min(latent.Height, latent.Width)) > 0
            ? latent
            : throw compressor.Unfit($"gives {latent} as LatentShape of {volume}, and no size can be less than 1");
    }

    /// <summary>What a metric of pairs says of one volume.</summary>
    /// <exception cref="PlanException">It has not one value of it.</exception>
    /// <exception cref="PartFailedException">The metric's code failed.</exception>
    public static MetricResult OfPair(this PlannedPart<IMetric> part, Metric metric, Tensor real, Tensor made)
    {
        var result = part.Given("Compute", () => metric.Compute(real, made));
        return result.Values is [_] ? result : throw part.Unfit($"gives {result.Values?.Count ?? 0} values of one volume as Compute");
    }

    /// <summary>The refusal of what a part gave, which names its plugin.</summary>
    /// <param name="part">The part.</param>
    /// <param name="gave">What it gave and what is wrong with it, a sentence without its subject and end.</param>
    public static PlanException Unfit<TPart>(this PlannedPart<TPart> part, string gave)
        where TPart : class, IPart =>
        new PlanException(
            $"`{part.Id}` of the plugin {part.Source.Plugin} {part.Source.Version} {gave}; use another version of the plugin")
                .In(part.Section);

    private static string Words(ScalarType type, long[] shape, TorchSharp.DeviceType device) =>
        $"{type.ToString().ToLowerInvariant()} [{string.Join(", ", shape)}] on {device.ToString().ToLowerInvariant()}";
}
