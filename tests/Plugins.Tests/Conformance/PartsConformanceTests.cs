using System.Reflection;
using VoxelZoo.Abstractions;
using VoxelZoo.Conformance;

namespace VoxelZoo.Plugins.Tests.Conformance;

/// <summary>Every part of this repository against the kit; a new plugin is one more name.</summary>
public sealed class PartsConformanceTests
{
    private static readonly string[] Plugins =
    [
        "UNet3D", "RFlow", "Samplers", "Metrics", "Augmentations", "SignedDistance", "SpaceToDepth", "VQVAE", "KL", "DiT", "WDM", "DCAE",
        "DDPM",
    ];

    public static TheoryData<string, string> Parts => [.. Plugins
        .SelectMany(plugin => Assembly.Load(plugin).GetExportedTypes())
        .Where(type => type.GetCustomAttribute<PartAttribute>() is not null)
        .Select(type => (type.Assembly.GetName().Name!, type.FullName!))];

    [Theory]
    [MemberData(nameof(Parts))]
    public void Part_passes_every_check(string plugin, string type)
    {
        var part = (IPart)Activator.CreateInstance(Assembly.Load(plugin).GetType(type)!)!;
        var checks = PartConformance.Verify(part, Contexts.Cpu);
        // without its network there is no more to check of lpips than that it says so
        Assert.True(checks.Count > 3 || part is VoxelZoo.Plugins.Metrics.LpipsMetric);
        Assert.All(checks, check => Assert.True(check.Passed, $"{check.Name}: {check.Sentence}"));
    }
}
