using System.ComponentModel.DataAnnotations;
using static TorchSharp.torch;

namespace VoxelZoo.Engine.Compression;

/// <summary>
/// How often masks of a step are mixed with others of it: <c>training.mixing</c>. The shares add up to 1 at most; a
/// mask is mixed in one way.
/// </summary>
public sealed record MaskMixingOptions
{
    /// <summary>
    /// Share of masks that are put together of four, each with a quarter of the plane around a random point (arXiv:2004.10934). Default 0.
    /// </summary>
    [Range(0.0, 1.0)]
    public double Mosaic { get; init; }

    /// <summary>Share in which a random rectangle of the plane is another's (arXiv:1905.04899). Default 0.</summary>
    [Range(0.0, 1.0)]
    public double Cutmix { get; init; }

    /// <summary>Share that get another's tumours besides their own (arXiv:2012.07177). Default 0.</summary>
    [Range(0.0, 1.0)]
    public double CopyPaste { get; init; }

    /// <summary>How many masks are mixed at all.</summary>
    internal double Total => Mosaic + Cutmix + CopyPaste;
}

/// <summary>Mixes masks with each other, so that a compressor of masks sees more tumours, in more places, than the cohort has.</summary>
/// <param name="options">How often.</param>
internal sealed class MaskMixing(MaskMixingOptions options)
{
    /// <summary>Mixed masks, in the current dispose scope; each place is 0 or 1 as in one of those that it is made of.</summary>
    /// <param name="masks"><c>[N, …, H, W]</c>, N at least 2; stays as it is.</param>
    /// <param name="random">Draws how, where and with which.</param>
    public Tensor Apply(Tensor masks, Generator random)
    {
        using var scope = NewDisposeScope();
        var count = masks.shape[0];
        return stack([.. Enumerable.Range(0, (int)count).Select(n => Mixed(masks, n, random))]).MoveToOuterDisposeScope();
    }

    private Tensor Mixed(Tensor masks, int own, Generator random)
    {
        var drawn = Uniform(random);
        if (drawn < options.Mosaic)
            return Mosaic(masks, own, random);
        if (drawn < options.Mosaic + options.Cutmix)
            return Cutmix(masks, own, random);
        return drawn < options.Total ? maximum(masks[own], Another(masks, own, random)) : masks[own];
    }

    /// <summary>Its own upper left part, and three others' around a point between a quarter and three quarters of the plane.</summary>
    private static Tensor Mosaic(Tensor masks, int own, Generator random)
    {
        var (height, width) = Plane(masks);
        var (row, column) = (Between(height, random), Between(width, random));
        var mixed = masks[own].clone();
        foreach (var (top, rows) in new[] { (0L, row), (row, height - row) })
        {
            foreach (var (left, columns) in new[] { (0L, column), (column, width - column) })
            {
                if (top == 0 && left == 0)
                    continue;
                var other = Another(masks, own, random);
                Part(mixed, top, rows, left, columns).copy_(Part(other, top, rows, left, columns));
            }
        }

        return mixed;
    }

    /// <summary>A rectangle of the plane whose share of it is uniform.</summary>
    private static Tensor Cutmix(Tensor masks, int own, Generator random)
    {
        var (height, width) = Plane(masks);
        var side = Math.Sqrt(Uniform(random));
        var (rows, columns) = (Math.Max(1, (long)(side * height)), Math.Max(1, (long)(side * width)));
        var (top, left) = (Below(height - rows + 1, random), Below(width - columns + 1, random));
        var mixed = masks[own].clone();
        Part(mixed, top, rows, left, columns).copy_(Part(Another(masks, own, random), top, rows, left, columns));
        return mixed;
    }

    private static (long Height, long Width) Plane(Tensor masks) => (masks.shape[^2], masks.shape[^1]);

    private static Tensor Part(Tensor mask, long top, long rows, long left, long columns) =>
        mask.narrow(-2, top, rows).narrow(-1, left, columns);

    private static Tensor Another(Tensor masks, int own, Generator random) =>
        masks[(int)((own + 1 + Below(masks.shape[0] - 1, random)) % masks.shape[0])];

    private static long Between(long size, Generator random) => size / 4 + Below(size / 2 + 1, random);

    private static long Below(long bound, Generator random) => randint(bound, [1], ScalarType.Int64, generator: random).item<long>();

    private static double Uniform(Generator random) => rand([1], ScalarType.Float64, generator: random).item<double>();
}
