using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace VoxelZoo.Tensors.Convolutions;

/// <summary>
/// The check that comes before a process's first result: a handful of small convolutions against what libtorch's own float64
/// kernels compute for them. What is wrong is cured, and what cannot be cured is not computed with.
/// </summary>
internal static class ConvolutionCheck
{
    // channel counts that fill no whole vector of any width; no network uses them, so that what oneDNN caches of these serves nobody else
    private static readonly ConvolutionCall[] Probes =
    [
        ConvolutionCall.Cubic(3, 11, 3, 1, 2, 5, 5),
        ConvolutionCall.Cubic(13, 29, 3, 1, 3, 4, 5),
        ConvolutionCall.Cubic(19, 7, 1, 1, 2, 5, 3),
        ConvolutionCall.Cubic(23, 37, 3, 2, 4, 5, 5),
        new([2, 13, 6, 5], [19, 13, 3, 3], [1, 1], [1, 1], [1, 1]),
        new([2, 13, 2, 4, 3], [13, 11, 2, 2, 2], [2, 2, 2], [0, 0, 0], [1, 1, 1], Transposed: true),
    ];

    private static readonly ConvolutionCall FlatProbe = ConvolutionCall.Cubic(16, 16, 3, 1, 2, 5, 5);

    /// <summary>Checks, cures, and checks again.</summary>
    /// <exception cref="UntrustworthyTorchException">Even without oneDNN the results are wrong.</exception>
    internal static ConvolutionReport Run()
    {
        using var scope = NewDisposeScope();
        OneDnn.DisableNnpack();
        MeetCpu();
        using var poison = UninitializedMemory.Poison();
        var cures = new List<string>();
        if (CpuCaches.Facts() is { } hidden && CpuCaches.AreHidden(hidden))
        {
            CpuCaches.Cure();
            cures.Add(
                "this machine hides the sizes of its caches, with which oneDNN computes wrong convolutions; "
                + $"oneDNN was told of {string.Join(", ", CpuCaches.Facts()!.Select(c => $"{c.Bytes / 1024}"))} KiB instead");
        }

        if (OneDnn.Enabled && !AreRight())
        {
            OneDnn.Enabled = false;
            cures.Add(
                "oneDNN is switched off, because its results are wrong on this machine and the reason is not known; "
                + "computing takes several times longer");
            if (!AreRight())
                throw new UntrustworthyTorchException(
                    "libtorch computes wrong convolutions on this machine, with oneDNN and without it; "
                    + "nothing that it computes here can be trusted");
        }

        if (Bfloat16Convolutions.IsReplaced(FlatProbe))
            cures.Add("convolutions that libtorch gets wrong in bfloat16 on this CPU are computed in float32");
        return new ConvolutionReport(OneDnn.Enabled, CpuCaches.Facts(), cures);
    }

    /// <summary>
    /// Lets oneDNN look at the CPU, by a convolution of whole vectors, which is right in any case. libtorch computes small ones of a single
    /// sample by itself.
    /// </summary>
    private static void MeetCpu() => F.conv3d(zeros([2L, 16, 2, 2, 2]), zeros([16L, 16, 1, 1, 1]), null, [1L, 1, 1]);

    private static bool AreRight() => Probes.All(probe => probe.IsRight(ScalarType.Float32)) && IsLinearRight();

    // the one matrix product that goes to oneDNN is the one in bfloat16
    private static bool IsLinearRight()
    {
        using var random = new Generator(1, CPU);
        var input = randn([19L, 37], generator: random).to(ScalarType.BFloat16);
        var weight = randn([29L, 37], generator: random).to(ScalarType.BFloat16);
        var expected = F.linear(input.to(ScalarType.Float64), weight.to(ScalarType.Float64));
        var error = (F.linear(input, weight).to(ScalarType.Float64) - expected).abs().max().item<double>();
        return error < 0.25; // values reach 20, of which bfloat16 keeps 8 binary digits
    }
}

/// <summary>What was found and cured before this process's first convolution.</summary>
/// <param name="OneDnn">Whether oneDNN computes.</param>
/// <param name="Caches">The CPU's caches as oneDNN sees them now, or null where that cannot be known.</param>
/// <param name="Cures">What was cured, a sentence each.</param>
public sealed record ConvolutionReport(bool OneDnn, IReadOnlyList<CacheFacts>? Caches, IReadOnlyList<string> Cures);

/// <summary>libtorch computes wrong results on this machine, and no cure is known.</summary>
public sealed class UntrustworthyTorchException : Exception
{
    internal UntrustworthyTorchException(string message)
        : base(message)
    {
    }
}
