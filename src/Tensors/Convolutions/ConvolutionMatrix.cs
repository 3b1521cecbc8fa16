using TorchSharp;
using static TorchSharp.torch;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>
/// 408 small convolutions, in float32 and in bfloat16, each with both gradients: channels that fill whole vectors and that do not, kernels
/// 1³ and 3³, strides 1 and 2, even, odd and flat extents, both memory layouts. Takes about two seconds.
/// </summary>
public static class ConvolutionMatrix
{
    private static readonly (long In, long Out)[] Channels =
    [
        (1, 16), (2, 16), (3, 8), (4, 4), (5, 7), (8, 8), (12, 20), (16, 1), (16, 16), (17, 33), (20, 4), (24, 24), (32, 1), (32, 48),
        (40, 40), (48, 31), (64, 32),
    ];

    private static readonly (long Depth, long Height, long Width)[] Extents = [(2, 8, 8), (5, 7, 7), (4, 4, 9)];

    internal static IReadOnlyList<ConvolutionCall> Calls { get; } =
    [
        .. from channels in Channels
           from kernel in new long[] { 1, 3 }
           from stride in new long[] { 1, 2 }
           from extent in Extents
           from channelsLast in new[] { false, true }
           select ConvolutionCall.Cubic(channels.In, channels.Out, kernel, stride, extent.Depth, extent.Height, extent.Width, channelsLast),
    ];

    /// <summary>Tries them all, as this process computes them.</summary>
    /// <param name="progress">Is told after each how many were tried.</param>
    public static ConvolutionMatrixResult Run(Action<int>? progress = null)
    {
        using var poison = UninitializedMemory.Poison();
        var (tried, wrong, replaced) = (0, new List<string>(), 0);
        foreach (var call in Calls)
        {
            if (!call.IsRight(ScalarType.Float32))
                wrong.Add($"{call.Key} in float32");
            else if (Bfloat16Convolutions.IsReplaced(call))
                replaced++; // by the one in float32, which is right
            else if (!call.IsRight(ScalarType.BFloat16))
                wrong.Add($"{call.Key} in bfloat16");
            tried++;
            progress?.Invoke(tried);
        }

        return new ConvolutionMatrixResult(tried, wrong, replaced);
    }
}

/// <summary>Outcome of <see cref="ConvolutionMatrix"/>.</summary>
/// <param name="Tried">Convolutions that were tried.</param>
/// <param name="Wrong">Those whose result is wrong as this process computes it.</param>
/// <param name="Replaced">How many libtorch gets wrong in bfloat16, and are computed in float32 instead.</param>
public sealed record ConvolutionMatrixResult(int Tried, IReadOnlyList<string> Wrong, int Replaced);
