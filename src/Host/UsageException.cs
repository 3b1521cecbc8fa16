namespace VoxelZoo.Host;

/// <summary>A command line or an input that cannot be used. The message is one sentence.</summary>
internal sealed class UsageException(string message, Exception? cause = null) : Exception(message, cause);
