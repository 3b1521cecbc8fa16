using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>
/// Computes in float32 what libtorch gets wrong in bfloat16 on this CPU. With AVX512-BF16, for one, its weight gradient of a 3³ convolution
/// is garbage where the input has a depth of 2. Nobody can list such cases for CPUs that are yet to come, so each convolution is tried
/// at its own shape when it is first met under autocast.
/// </summary>
public static class Bfloat16Convolutions
{
    /// <summary>Height and width from which on a convolution is tried at that size, so that trying takes little memory.</summary>
    private const long TriedExtent = 32;

    private static readonly ConcurrentDictionary<string, bool> Replaced = [];
    private static readonly ConditionalWeakTable<Convolution, object> Guarded = [];

    // convolutions under way on this thread, with the autocast that they suspend
    [ThreadStatic] private static Stack<(Convolution Module, IDisposable? Suspension)>? _underWay;

    /// <summary>Convolutions that were met so far and are computed in float32.</summary>
    public static int Count => Replaced.Count(call => call.Value);

    /// <summary>
    /// Makes every convolution in a module right under <see cref="Autocast"/> on a CPU, by hooks around it. Its results keep their dtype.
    /// Elsewhere nothing changes. A module may be given several times.
    /// </summary>
    /// <param name="module">Stays the caller's.</param>
    public static void Guard(nn.Module module)
    {
        foreach (var convolution in module.modules().Prepend(module).OfType<Convolution>())
        {
            if (!Guarded.TryAdd(convolution, convolution))
                continue;
            convolution.register_forward_pre_hook((_, input) => Enter(convolution, input));
            convolution.register_forward_hook((_, _, output) => Leave(convolution, output));
        }
    }

    /// <summary>
    /// A convolution with weights of one's own, as <c>torch.nn.functional</c> has it, that is right under autocast as well.
    /// </summary>
    /// <param name="input"><c>[B, C, H, W]</c> or <c>[B, C, D, H, W]</c>.</param>
    /// <param name="weight"><c>[C′, C/groups, …]</c>.</param>
    /// <param name="bias"><c>[C′]</c> or null.</param>
    /// <param name="stride">By dimension; 1 where null.</param>
    /// <param name="padding">Zeros on both sides, by dimension; none where null.</param>
    /// <param name="dilation">By dimension; 1 where null.</param>
    /// <param name="groups">Groups of channels.</param>
    /// <returns><c>[B, C′, …]</c>, in the current dispose scope.</returns>
    public static Tensor Convolve(
        Tensor input,
        Tensor weight,
        Tensor? bias,
        long[]? stride = null,
        long[]? padding = null,
        long[]? dilation = null,
        long groups = 1)
    {
        var dimensions = (int)input.dim() - 2;
        (stride, padding, dilation) = (stride ?? Each(1), padding ?? Each(0), dilation ?? Each(1));
        using var scope = NewDisposeScope();
        var replaced = IsUnderAutocast(input)
            && IsReplaced(new ConvolutionCall(input.shape, weight.shape, stride, padding, dilation, groups));
        using var suspension = replaced ? Autocast.Suspend(input.device) : null;
        if (replaced)
            (input, weight, bias) = (input.to(ScalarType.Float32), weight.to(ScalarType.Float32), bias?.to(ScalarType.Float32));
        var output = dimensions == 2
            ? F.conv2d(input, weight, bias, stride, padding, dilation, groups)
            : F.conv3d(input, weight, bias, stride, padding, dilation, groups);
        return (replaced ? output.to(ScalarType.BFloat16) : output).MoveToOuterDisposeScope();

        long[] Each(long number) => [.. Enumerable.Repeat(number, dimensions)];
    }

    /// <summary>Whether libtorch gets a convolution wrong in bfloat16; tried once.</summary>
    internal static bool IsReplaced(ConvolutionCall call)
    {
        var tried = call with { Input = [Math.Min(call.Input[0], 2), call.Input[1], .. Extents(call)] };
        // computed without oneDNN, bfloat16 is right
        return OneDnn.Enabled && Replaced.GetOrAdd(tried.Key, _ => !tried.IsRight(ScalarType.BFloat16, ScalarType.Float32));
    }

    // the last two extents are height and width
    private static IEnumerable<long> Extents(ConvolutionCall call) =>
        call.Input[2..].Select((extent, i) => i >= call.Input.Length - 4 ? Math.Min(extent, TriedExtent) : extent);

    private static bool IsUnderAutocast(Tensor input) =>
        input.device_type == DeviceType.CPU && Autocast.Capture(DeviceType.CPU) is (_, true, (sbyte)ScalarType.BFloat16);

    private static Tensor Enter(Convolution module, Tensor input)
    {
        var replaced = IsUnderAutocast(input) && IsReplaced(ConvolutionCall.Of(module, input.shape));
        (_underWay ??= new()).Push((module, replaced ? Autocast.Suspend(input.device) : null));
        return replaced ? input.to(ScalarType.Float32) : input;
    }

    private static Tensor Leave(Convolution module, Tensor output)
    {
        // one that threw has left its entry behind
        while (_underWay!.TryPop(out var entry))
        {
            entry.Suspension?.Dispose();
            if (entry.Module == module)
                return entry.Suspension is null ? output : output.to(ScalarType.BFloat16);
        }

        return output;
    }
}
