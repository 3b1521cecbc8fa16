namespace VoxelZoo.Host.Configuration;

/// <summary>A configuration that cannot be used. The message is one sentence that begins with the position.</summary>
internal sealed class ConfigurationException : Exception
{
    public ConfigurationException(Position position, string sentence, Exception? cause = null)
        : base($"{position}: {sentence}", cause) => Position = position;

    /// <summary>Where the fault was written.</summary>
    public Position Position { get; }
}
