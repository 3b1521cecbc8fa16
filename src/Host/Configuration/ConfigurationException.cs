using VoxelZoo.Abstractions;

namespace VoxelZoo.Host.Configuration;

/// <summary>A configuration that cannot be used. The message is one sentence that begins with the position.</summary>
internal sealed class ConfigurationException : Exception
{
    public ConfigurationException(Position position, string sentence, Exception? cause = null)
        : base($"{position}: {sentence}", cause) => Position = position;

    /// <summary>Where the fault was written.</summary>
    public Position Position { get; }

    /// <summary>A part's refusal, placed at the key that it names in its section, or at the section.</summary>
    public static ConfigurationException From(PlanException refusal, Node section) =>
        new(section.Locate(refusal.Key), refusal.Message, refusal);
}
