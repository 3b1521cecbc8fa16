namespace VoxelZoo.Engine.Plans;

/// <summary>An experiment that cannot work, with the section and key at fault, so that a host can point at the line.</summary>
public sealed class PlanRefusedException : Exception
{
    /// <summary>Creates the refusal.</summary>
    /// <param name="section">The experiment's section, such as <c>architecture</c>; empty where it fits its file, and not what is here.</param>
    /// <param name="key">The key in that section, or null where the section as a whole is meant.</param>
    /// <param name="message">One sentence with the numbers and a remedy.</param>
    public PlanRefusedException(string section, string? key, string message)
        : base(message)
    {
        Section = section;
        Key = key;
    }

    /// <summary>The experiment's section.</summary>
    public string Section { get; }

    /// <summary>The key in that section, or null.</summary>
    public string? Key { get; }
}
