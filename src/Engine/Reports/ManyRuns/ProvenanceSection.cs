using System.Text;

namespace VoxelZoo.Engine.Reports.ManyRuns;

/// <summary>What the runs were made with.</summary>
internal static class ProvenanceSection
{
    private const int Digits = 12;

    public static void Write(StringBuilder text, ProvenanceFacts facts)
    {
        text.Append($"## Provenance\n\nHashes are SHA-256, their first {Digits} digits; each run's provenance.json has all of them.\n\n");
        var distinct = facts.Binaries.GroupBy(b => (b.Name, b.IsPlugin)).Where(group => group.Count() > 1)
            .Select(group => $"{group.Key.Name} ({group.Count()})").ToArray();
        text.Append(distinct.Length == 0
            ? "All runs used the same build of each program and plugin.\n\n"
            : $"**Used in several builds**: {string.Join(", ", distinct)}.\n\n");
        var binaries = new MarkdownTable("program or plugin", "version", "hash", "runs");
        foreach (var b in facts.Binaries)
            binaries.Add(
                b.IsPlugin ? $"plugin {b.Name}" : b.Name, Version(b.Version), b.Sha256[..Math.Min(Digits, b.Sha256.Length)], $"{b.Runs}");
        binaries.WriteTo(text);
        foreach (var split in facts.Data.GroupBy(d => d.Split))
        {
            var sets = split.Select(
                d => $"{Format.Plural(d.Patients, "patient")} `{d.Sha256[..Math.Min(Digits, d.Sha256.Length)]}` "
                    + $"({Format.Plural(d.Runs, "run")})");
            text.Append($"- {split.Key}: {Format.Plural(split.Count(), "distinct set")} of volumes: {string.Join(", ", sets)}\n");
        }

        foreach (var file in facts.Files)
            text.Append($"- file {file}\n");
        foreach (var commit in facts.Commits)
            text.Append($"- commit of the working directory: `{commit}`\n");
        foreach (var system in facts.Systems)
            text.Append($"- {system}\n");
        if (facts.Unknown > 0)
            text.Append(
                $"- {Format.Plural(facts.Unknown, "run")} did not record what {(facts.Unknown == 1 ? "it was" : "they were")} made with\n");
        text.Append(
            "\nA set's hash is over the kinds of images that a run reads, "
            + "so that runs with other targets or conditions on the same patients have another one.\n");
    }

    // 0.1.0+commit: ten digits of the commit are enough
    private static string Version(string version) =>
        version.IndexOf('+', StringComparison.Ordinal) is > 0 and var plus && version.Length > plus + 11 ? version[..(plus + 11)] : version;
}
