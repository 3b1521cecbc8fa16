using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Plans;

namespace VoxelZoo.Engine.Experiments;

/// <summary>Gives the parts that a use case takes beside those of its plan, such as the samplers of a sweep.</summary>
public interface IPartSource
{
    /// <summary>A part.</summary>
    /// <typeparam name="T">The kind's interface.</typeparam>
    /// <param name="section">The experiment's section in which it is used: <c>sampling</c> or <c>evaluation</c>.</param>
    /// <param name="named">Its id, or as an item of that section may name it.</param>
    /// <param name="by">Who asks for it, which a refusal names: an option of the command line, or the name of what is tried.</param>
    /// <param name="options">Values over what the name says of its options, and its defaults.</param>
    PlannedPart<T> Get<T>(string section, string named, string by, params IReadOnlyList<PartOption> options)
        where T : class, IPart;
}

/// <summary>A value of a part's options.</summary>
/// <param name="Key">The option as an experiment writes it, such as <c>steps</c>.</param>
/// <param name="Value">A number, a truth value or text.</param>
public sealed record PartOption(string Key, object Value);

/// <summary>Knows none.</summary>
internal sealed class NoParts : IPartSource
{
    public PlannedPart<T> Get<T>(string section, string named, string by, params IReadOnlyList<PartOption> options)
        where T : class, IPart =>
        throw new PlanException(
            $"{by}: this program knows no part `{named}`; set {nameof(ExperimentContext)}.{nameof(ExperimentContext.Parts)}");
}
