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

    /// <summary>The option at fault as YAML writes it, relative to the part's section, or null.</summary>
    public string? Key { get; }
}
