using VoxelZoo.Abstractions;

namespace VoxelZoo.Host.Plugins;

/// <summary>A part with where it comes from.</summary>
/// <param name="Value">The part.</param>
/// <param name="Kind">Its kind as manifests write it.</param>
/// <param name="Id">Its id.</param>
/// <param name="Plugin">The id of its plugin; <see cref="PartRegistry.Host"/> for the host's own.</param>
/// <param name="Version">The plugin's version.</param>
/// <param name="Path">The plugin's folder, or null for the host's own.</param>
internal sealed record Part<T>(T Value, string Kind, string Id, string Plugin, string Version, string? Path)
    where T : class, IPart
{
    /// <summary>Calls into the part; what its code throws is reported with the plugin's name.</summary>
    /// <exception cref="PlanException">The part refuses what it was asked for.</exception>
    /// <exception cref="PluginFailedException">The part's code failed.</exception>
    public TResult Call<TResult>(Func<T, TResult> call)
    {
        try
        {
            return call(Value);
        }
        catch (Exception e) when (e is not (PlanException or OperationCanceledException))
        {
            throw new PluginFailedException($"the {Kind} `{Id}` of the plugin `{Plugin}` {Version} failed: {LoadedPlugin.Cause(e)}", e);
        }
    }
}
