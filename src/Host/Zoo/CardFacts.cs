using System.ComponentModel.DataAnnotations;
using VoxelZoo.Engine.Zoo;

namespace VoxelZoo.Host.Zoo;

/// <summary>
/// What a card says that no run knows: a YAML file of a person's, <c>zoo export --facts FILE</c>, and <c>--set</c> over it.
/// </summary>
public sealed record CardFacts
{
    /// <summary>One sentence: what it makes of what.</summary>
    [MinLength(1)]
    public required string Summary { get; init; }

    /// <summary>Licences of code, weights and training data.</summary>
    public required CardLicences Licences { get; init; }

    /// <summary>What it is for, and what not.</summary>
    public required CardUse Use { get; init; }

    /// <summary>
    /// What it was trained on, a sentence. Default: how the cohort was synthesized, where it was; else it has to be given.
    /// </summary>
    public string? Data { get; init; }

    /// <summary>The machine that trained it, in words. Default: the system that the run recorded.</summary>
    public string? Machine { get; init; }

    /// <summary>
    /// Whether it gives back what it was trained on, a sentence. Default: what the metric <c>memorisation</c>
    /// found; else it has to be given.
    /// </summary>
    public string? Memorisation { get; init; }

    /// <summary>What was measured elsewhere than in the run's evaluation.json. Default: nothing.</summary>
    public IReadOnlyList<CardMeasure> Measures { get; init; } = [];
}
