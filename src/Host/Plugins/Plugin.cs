using System.Collections.Immutable;
using VoxelZoo.Host.Plugins.Installed;
using VoxelZoo.PluginManifest;

namespace VoxelZoo.Host.Plugins;

/// <summary>Whether a plugin can be used.</summary>
internal enum PluginStatus
{
    /// <summary>It is loaded as soon as one of its parts is asked for.</summary>
    Active,

    /// <summary>It was built for other versions of the contract.</summary>
    Incompatible,

    /// <summary>Something in its folder is missing or wrong.</summary>
    Broken,

    /// <summary>Another folder holds a plugin of the same id.</summary>
    Duplicate,

    /// <summary>Its files are not those that were installed.</summary>
    Blocked,

    /// <summary>The user switched it off.</summary>
    Disabled,
}

/// <summary>One folder of the catalogue.</summary>
internal sealed record Plugin
{
    /// <summary>The plugin's id, or the folder's name where there is no readable manifest.</summary>
    public required string Id { get; init; }

    /// <summary>The folder, a full path.</summary>
    public required string Path { get; init; }

    /// <summary>The plugin's assembly, a full path; null where the folder has none.</summary>
    public string? Assembly { get; init; }

    /// <summary>The plugin's version, or empty.</summary>
    public string Version { get; init; } = "";

    /// <summary>The range of contract versions that it is for, or empty.</summary>
    public string Contract { get; init; } = "";

    /// <summary>Its parts by its manifest.</summary>
    public ImmutableArray<PartMetadata> Parts { get; init; } = [];

    /// <summary>One line on the plugin.</summary>
    public string Summary { get; init; } = "";

    /// <summary>SPDX expression of its licence, or empty.</summary>
    public string License { get; init; } = "";

    /// <summary>Who made it, or empty.</summary>
    public string Authors { get; init; } = "";

    /// <summary>Where it is told of, or empty.</summary>
    public string Homepage { get; init; } = "";

    /// <summary>What is new in it, or where that is told, or empty.</summary>
    public string Changelog { get; init; } = "";

    /// <summary>The test project that the build found beside its own, or empty.</summary>
    public string Tests { get; init; } = "";

    /// <summary>What was installed; null where the folder was dropped.</summary>
    public LockedPlugin? Locked { get; init; }

    /// <summary>Whether it can be used.</summary>
    public PluginStatus Status { get; init; }

    /// <summary>Why it cannot be used: one sentence; null for an active plugin.</summary>
    public string? Reason { get; init; }
}
