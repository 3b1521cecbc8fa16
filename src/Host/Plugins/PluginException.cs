namespace VoxelZoo.Host.Plugins;

/// <summary>
/// A part that cannot be had: no plugin holds it, several do, or the one that does cannot be used. The message is one sentence.
/// </summary>
internal sealed class PluginException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>A plugin's code threw while it worked for the host. The message names the plugin.</summary>
internal sealed class PluginFailedException(string message, Exception cause) : Exception(message, cause);
