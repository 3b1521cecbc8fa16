using System.Text.Json.Nodes;
using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Experiments;

/// <summary>
/// What an experiment was read from. Engine knows no files of experiments: it writes their text into the run, and refuses keys of their
/// sections.
/// </summary>
public abstract class ExperimentSource
{
    /// <summary>A plan that was read from no file: its text is the plan itself, as JSON, which is YAML.</summary>
    public static ExperimentSource Of(Plan plan) => new PlanSource(plan);

    /// <summary>The experiment as a whole, for the run's <c>experiment.yaml</c>.</summary>
    public abstract string Text { get; }

    /// <summary>How it was named, for the run's <c>origin.json</c>; null where nobody knows.</summary>
    public virtual JsonNode? Origin => null;

    /// <summary>The exception that says also where the key at fault was written, or null where the refusal is to stay as it is.</summary>
    /// <param name="refusal">One whose <see cref="PlanException.Path"/> begins with a section of the experiment.</param>
    public virtual Exception? Place(PlanException refusal) => null;

    /// <summary>The same of any refusal: one that is no section's fault has no place.</summary>
    internal Exception? PlaceOf(PlanException refusal) => refusal.Section is null ? null : Place(refusal);
}
