using System.ComponentModel.DataAnnotations;

namespace VoxelZoo.Plugins.Augmentations;

/// <summary>
/// Options of <c>score_aug</c>. Without <see cref="Compose"/> and <see cref="Patterns"/> a step has one of the transforms that are on, or
/// none, each as likely as the others.
/// </summary>
public sealed record ScoreAugOptions
{
    /// <summary>Whether quarter turns in the H–W plane are among the transforms; needs H = W and omega. Default true.</summary>
    public bool Rotation { get; init; } = true;

    /// <summary>Whether mirror images along D, H and W are among the transforms; needs omega. Default true.</summary>
    public bool Flip { get; init; } = true;

    /// <summary>Whether shifts by up to 20 % of H and 40 % of W are among the transforms. Default false.</summary>
    public bool Translation { get; init; }

    /// <summary>Whether setting a box of 10 to 30 % of each side to 0 is among the transforms. Default false.</summary>
    public bool Cutout { get; init; }

    /// <summary>Whether transforms are drawn one by one, so that a step may have several. Default false.</summary>
    public bool Compose { get; init; }

    /// <summary>
    /// Whether steps have, besides turns, mirror images and shifts drawn one by one, now and then one of 16 fixed patterns of the H–W plane
    /// set to 0, or a box in its place where cutout is on. Not with compose. Default false.
    /// </summary>
    public bool Patterns { get; init; }

    /// <summary>
    /// Chance of each transform that is drawn by itself: with compose of all, with patterns of turning or
    /// mirroring and of shifting. Default 0.5.
    /// </summary>
    [Range(0.0, 1.0)]
    public double Probability { get; init; } = 0.5;

    /// <summary>Only with patterns: the chance that something is set to 0. Default 0.5.</summary>
    [Range(0.0, 1.0)]
    public double DestructiveProbability { get; init; } = 0.5;

    /// <summary>Only with patterns and cutout: how often it is a pattern and not a box that is set to 0. Default 0.5.</summary>
    [Range(0.0, 1.0)]
    public double PatternShare { get; init; } = 0.5;

    /// <summary>Whether the denoiser is told how its input was transformed. Default true.</summary>
    public bool Omega { get; init; } = true;
}
