namespace VoxelZoo.Host.Plugins;

/// <summary>What <c>use:</c> names: a part's id, with its plugin's before it or without.</summary>
/// <param name="Plugin">The plugin's id, or null.</param>
/// <param name="Id">The part's id.</param>
internal sealed record PartName(string? Plugin, string Id)
{
    /// <summary>Reads <c>acme/unet</c> or <c>unet</c>.</summary>
    public static PartName Parse(string text) => text.Split('/', 2) is [var plugin, var id] ? new(plugin, id) : new(null, text);

    /// <summary>Whether what stands above says the part of below in fewer words: <c>unet</c> over <c>acme/unet</c>.</summary>
    public static bool IsShort(string above, string below) =>
        Parse(above) is { Plugin: null } name && Parse(below) is { Plugin: not null } whole && name.Id == whole.Id;

    /// <inheritdoc/>
    public override string ToString() => Plugin is null ? Id : $"{Plugin}/{Id}";
}
