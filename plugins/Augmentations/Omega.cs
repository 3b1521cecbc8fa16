namespace VoxelZoo.Plugins.Augmentations;

/// <summary>
/// Where the vector ω says what: it tells the denoiser how its input was transformed, in the order of the original. All zeros mean that it
/// was not.
/// </summary>
internal static class Omega
{
    public const int Size = 36;

    /// <summary>1 where the sample is turned or mirrored.</summary>
    public const int SpatialActive = 0;

    /// <summary>1 where it is shifted.</summary>
    public const int TranslationActive = 1;

    /// <summary>1 where a box is cut out.</summary>
    public const int CutoutActive = 2;

    /// <summary>1 where a pattern is cut out.</summary>
    public const int PatternActive = 3;

    /// <summary>1 for a turn around D. The next two are for turns around H and W, which are not done.</summary>
    public const int TurnAroundDepth = 4;

    /// <summary>1 for a mirror image along D; the next two for H and W.</summary>
    public const int MirrorDepth = 7;

    /// <summary>Quarter turns k as k/3.</summary>
    public const int Turns = 10;

    /// <summary>Shift along D, H and W, as shares of the grid.</summary>
    public const int Shift = 11;

    /// <summary>
    /// Size of the box along H, W and D, as shares of the grid. Its last element is also that of the first pattern;
    /// there is only ever one of the two.
    /// </summary>
    public const int CutoutSize = 14;

    /// <summary>One-hot: 16 patterns. After them are four elements for the modality, which stay 0: a model has one target.</summary>
    public const int Pattern = 16;
}
