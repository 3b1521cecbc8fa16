using System.Text.RegularExpressions;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Data;

namespace VoxelZoo.Engine.Plans;

/// <summary>What of a run is judged: keys of the section <c>evaluation</c> that all experiments have.</summary>
public abstract partial record EvaluatedOptions
{
    /// <summary>The checkpoint with the smallest validation loss.</summary>
    public const string Best = "best";

    /// <summary>The newest checkpoint.</summary>
    public const string Latest = "latest";

    /// <summary>The checkpoint whose generated volumes were the best that training measured.</summary>
    public const string BestGeneration = "best_generation";

    /// <summary>All names of checkpoints.</summary>
    public static IReadOnlyList<string> AllCheckpoints { get; } = [Best, Latest, BestGeneration];

    /// <summary>What checkpoints' own names look like, for people.</summary>
    public const string StepForm = "step-XXXXXXXX";

    /// <summary>Whether a name is a checkpoint's own.</summary>
    public static bool IsStep(string name) => Step.IsMatch(name);

    [GeneratedRegex(@"^step-[0-9]{8,}\z")]
    private static partial Regex Step { get; }

    /// <summary>
    /// Splits that are evaluated, of <c>train</c>, <c>val</c> and <c>test</c>. Default: test, and val where the cohort has one.
    /// </summary>
    public IReadOnlyList<string>? Splits { get; init; }

    /// <summary>
    /// Checkpoints that are evaluated, of <c>best</c>, <c>latest</c>, <c>best_generation</c>, or by their own names, such as
    /// <c>step-00001000</c>; one that has several names is evaluated once. Default both.
    /// </summary>
    public IReadOnlyList<string> Checkpoints { get; init; } = [Best, Latest];

    /// <summary>The splits that are evaluated of a cohort.</summary>
    public IReadOnlyList<string> SplitsOf(Cohort cohort) => Splits ?? (cohort.Has(Cohort.Val) ? [Cohort.Test, Cohort.Val] : [Cohort.Test]);

    /// <summary>Refuses names that there are not, and lists without any.</summary>
    /// <exception cref="PlanException">The message says which.</exception>
    internal void Validate()
    {
        Validate("splits", Splits ?? [Cohort.Test], Cohort.AllSplits, _ => false);
        Validate("checkpoints", Checkpoints, [.. AllCheckpoints, StepForm], IsStep);
    }

    private static void Validate(string key, IReadOnlyList<string> named, IReadOnlyList<string> known, Func<string, bool> isOther)
    {
        if (named.Count == 0)
            throw new PlanException($"{key} names nothing to evaluate; name some of {string.Join(", ", known)}", key).In("evaluation");
        if (named.FirstOrDefault(name => name == StepForm || !(known.Contains(name) || isOther(name))) is { } unknown)
            throw new PlanException($"{key} has no `{unknown}`; name some of {string.Join(", ", known)}", key).In("evaluation");
        if (named.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice)
            throw new PlanException($"{key} names {twice.Key} twice; name each once", key).In("evaluation");
    }
}
