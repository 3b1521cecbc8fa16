using static TorchSharp.torch;
using VoxelZoo.Abstractions;

namespace VoxelZoo.Engine.Plans;

/// <summary>Checks what parts give: a tensor of another shape would go on by broadcasting, to numbers that are wrong without a word.</summary>
internal static class PartOutput
{
    /// <summary>What the part gave, where it is floating-point and of the shape and on the device that it has to be.</summary>
    /// <param name="part">The part.</param>
    /// <param name="gives">What it gave, as <c>predicts</c>.</param>
    /// <param name="output">The tensor.</param>
    /// <param name="shape">The shape that it has to have.</param>
    /// <param name="device">Where it has to be.</param>
    /// <exception cref="PlanException">It is not; the message names the plugin and both.</exception>
    public static Tensor Checked<TPart>(this PlannedPart<TPart> part, string gives, Tensor output, long[] shape, Device device)
        where TPart : class, IPart
    {
        if (output.shape.AsSpan().SequenceEqual(shape) && output.is_floating_point() && output.device_type == device.type)
            return output;
        throw part.Unfit(
            $"{gives} {Words(output.dtype, output.shape, output.device_type)}, and it has to be {Words(ScalarType.Float32, shape, device.type)}");
    }

    /// <summary>The refusal of what a part gave, which names its plugin.</summary>
    /// <param name="part">The part.</param>
    /// <param name="gave">What it gave and what is wrong with it, a sentence without its subject and end.</param>
    public static PlanException Unfit<TPart>(this PlannedPart<TPart> part, string gave)
        where TPart : class, IPart =>
        new PlanException(
            $"`{part.Id}` of the plugin {part.Source.Plugin} {part.Source.Version} {gave}; use another version of the plugin").In(part.Section);

    private static string Words(ScalarType type, long[] shape, TorchSharp.DeviceType device) =>
        $"{type.ToString().ToLowerInvariant()} [{string.Join(", ", shape)}] on {device.ToString().ToLowerInvariant()}";
}
