namespace VoxelZoo.Engine.Runs;

/// <summary>A plugin that is not the one that a run recorded: its defaults, and what its weights mean, may be others.</summary>
/// <param name="Before">What the run recorded.</param>
/// <param name="After">What is there.</param>
public sealed record PluginChange(BinaryFacts Before, BinaryFacts After)
{
    private const int Digits = 12;

    /// <summary>Those of some plugins that are not what a run recorded of them, in the order of their names.</summary>
    /// <param name="recorded">From provenance.json.</param>
    /// <param name="found">Those that are there; what was not recorded is none.</param>
    public static IReadOnlyList<PluginChange> Between(IEnumerable<BinaryFacts> recorded, IReadOnlyList<BinaryFacts> found) =>
    [
        .. recorded.OrderBy(before => before.Name, StringComparer.Ordinal)
            .SelectMany(
                before => found.Where(now => now.Name == before.Name && !IsSame(before, now)).Select(now => new PluginChange(before, now))),
    ];

    /// <summary>The change in words.</summary>
    public override string ToString() => (Before, After) switch
    {
        _ when Before.Version != After.Version =>
            $"the plugin {Before.Name} {Before.Version} ({Short(Before.Sha256)}), and here is {After.Version} ({Short(After.Sha256)})",
        _ when Before.Sha256 != After.Sha256 =>
            $"the plugin {Before.Name} {Before.Version} ({Short(Before.Sha256)}), "
            + $"and here is another build of that version ({Short(After.Sha256)})",
        _ => $"the plugin {Before.Name} {Before.Version}, and here other files lie beside its assembly ({Short(Before.Files!)} was their "
            + $"hash, {Short(After.Files!)} is it)",
    };

    private static bool IsSame(BinaryFacts before, BinaryFacts now) =>
        before.Version == now.Version
        && before.Sha256 == now.Sha256
        && (before.Files is null || now.Files is null || before.Files == now.Files);

    private static string Short(string hash) => hash[..Math.Min(Digits, hash.Length)];
}

/// <summary>A segment of a run that went on with other plugins than the one before.</summary>
/// <param name="Segment">Its number, from 1 for the first start.</param>
/// <param name="Changes">What they were, and are.</param>
public sealed record ChangedPlugins(int Segment, IReadOnlyList<PluginChange> Changes);
