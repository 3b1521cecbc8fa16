namespace VoxelZoo.Abstractions;

/// <summary>
/// A plan that cannot work, found before anything was computed. The message says in one sentence what was found, what was
/// expected and what to do; the host adds file, line and column.
/// </summary>
public sealed class PlanException : Exception
{
    /// <summary>Creates the refusal.</summary>
    /// <param name="message">One sentence with the numbers and a remedy.</param>
    /// <param name="key">The option at fault as YAML writes it, relative to the part's section (<c>patch_size</c>), or null.</param>
    public PlanException(string message, string? key = null)
        : base(message) => Key = key;

    private PlanException(string message, string section, string? key)
        : this(message, key) => Section = section;

    /// <summary>
    /// The section of the plan that the key lies in, such as <c>architecture</c>. Null where nobody has said so: a part does not know
    /// under which section an experiment names it, and some refusals, such as of a full disk, are no section's fault.
    /// </summary>
    public string? Section { get; }

    /// <summary>The option at fault as YAML writes it, relative to the section; null where the section as a whole is meant.</summary>
    public string? Key { get; }

    /// <summary>Section and key, as far as they are known: <c>architecture.patch_size</c>.</summary>
    public string? Path => Section is null ? Key : string.IsNullOrEmpty(Key) ? Section : $"{Section}.{Key}";

    /// <summary>The same refusal, seen from outside of a section: its path begins with <paramref name="section"/>.</summary>
    /// <param name="section">The section that this refusal's path is relative to.</param>
    public PlanException In(string section) => new(Message, section, Path);
}
