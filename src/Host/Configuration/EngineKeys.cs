using VoxelZoo.Abstractions;
using VoxelZoo.Conformance;
using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;

namespace VoxelZoo.Host.Configuration;

/// <summary>Whether options of a part have keys that the engine takes in the same section.</summary>
internal static class EngineKeys
{
    /// <summary>The engine's records that share a section with a kind of part, and take their keys from it.</summary>
    private static readonly Dictionary<string, Type> Sharing =
        new() { ["sampler"] = typeof(SamplingOptions), ["compressor"] = typeof(LatentOptions) };

    /// <summary>Checks a part; null where its kind shares its section with nothing.</summary>
    /// <param name="part">The part.</param>
    /// <param name="kind">Its kind, as manifests have it.</param>
    public static ConformanceCheck? Verify(IPart part, string kind)
    {
        if (!Sharing.TryGetValue(kind, out var engine))
            return null;
        var taken = OptionsShape.KeysOf(part.OptionsType).Intersect(OptionsShape.Of(engine).Keys).FirstOrDefault();
        return new ConformanceCheck("engine_keys", taken is null, taken is null
            ? $"no option has a key that the engine has in the section of a {kind}"
            : $"`{taken}` is a key of the engine in the section of a {kind}, so that no experiment could set the option; "
                + "give it another name");
    }
}
