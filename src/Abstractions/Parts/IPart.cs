namespace VoxelZoo.Abstractions;

/// <summary>
/// Something that an experiment names with <c>use:</c>. Implement the generic interface of its kind
/// (<see cref="IArchitecture{TOptions}"/>, <see cref="INoiseStrategy{TOptions}"/> …) on a public sealed class and mark that
/// class with the attribute of its kind.
/// </summary>
public interface IPart
{
    /// <summary>The record that the part's section of an experiment is bound to.</summary>
    Type OptionsType { get; }

    /// <summary>Options of an instance that runs in milliseconds, for conformance checks; of type <see cref="OptionsType"/>.</summary>
    object Tiny { get; }

    /// <summary>
    /// Parts with which this one does not go together, whatever their options; each pair is named by one of the two. By default none.
    /// </summary>
    IReadOnlyList<PartConflict> Conflicts => [];
}

/// <summary>A part that does not go together with the one that says so.</summary>
/// <param name="Kind">The other part's kind.</param>
/// <param name="Id">The other part's id.</param>
/// <param name="Reason">Why, and what to do, in one sentence.</param>
/// <param name="IsRefused">Whether a plan with both is refused; otherwise the user is warned.</param>
public sealed record PartConflict(PartKind Kind, string Id, string Reason, bool IsRefused);

/// <summary>A part with options of a known type.</summary>
/// <typeparam name="TOptions">
/// A record whose public init properties are the YAML keys (<c>NumResBlocks</c> is <c>num_res_blocks</c>), with defaults and
/// DataAnnotations ranges.
/// </typeparam>
public interface IPart<TOptions> : IPart
    where TOptions : class, new()
{
    /// <inheritdoc cref="IPart.Tiny"/>
    new TOptions Tiny => new();

    Type IPart.OptionsType => typeof(TOptions);

    object IPart.Tiny => Tiny;
}

/// <summary>
/// Options that can be filled from a named set: <c>variant: B</c> starts from that set, and keys beside it override its values.
/// </summary>
/// <typeparam name="TSelf">The options record itself.</typeparam>
public interface IPresets<TSelf>
    where TSelf : IPresets<TSelf>
{
    /// <summary>The YAML key that names the set, such as <c>variant</c>.</summary>
    static abstract string PresetKey { get; }

    /// <summary>The sets by name; names are compared without regard to case.</summary>
    static abstract IReadOnlyDictionary<string, TSelf> Presets { get; }
}
