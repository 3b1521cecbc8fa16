namespace VoxelZoo.Engine.Compression;

/// <summary>Names of the losses that the engine computes. Any other name is one of the compressor's own.</summary>
internal static class LossNames
{
    public const string L1 = "l1", L2 = "l2", Perceptual = "perceptual", Adversarial = "adversarial";
    public const string CrossEntropy = "bce", Dice = "dice", Boundary = "boundary";

    /// <summary>Losses of images.</summary>
    public static IReadOnlyList<string> OfImages { get; } = [L1, L2, Perceptual, Adversarial];

    /// <summary>Losses of masks.</summary>
    public static IReadOnlyList<string> OfMasks { get; } = [CrossEntropy, Dice, Boundary];

    /// <summary>Losses that compare a reconstruction with its volume, and that validation measures.</summary>
    public static IReadOnlyList<string> OfReconstructions { get; } = [L1, L2, CrossEntropy, Dice, Boundary];

    /// <summary>Whether it is a loss of the compressor's own, such as <c>codebook</c>.</summary>
    public static bool IsCompressors(string name) => !OfImages.Contains(name) && !OfMasks.Contains(name);
}
