using VoxelZoo.Abstractions;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Configuration;

/// <summary>Gives parts by what an experiment's file could say of them; their options are bound and checked as those of a file.</summary>
/// <param name="registry">The parts.</param>
internal sealed class YamlPartSource(PartRegistry registry) : SectionReader(registry), IPartSource
{
    /// <inheritdoc/>
    public PlannedPart<T> Get<T>(string section, string named, string by, params IReadOnlyList<PartOption> options)
        where T : class, IPart
    {
        var place = new Position(by);
        var node = YamlReader.ParseValue(named, place);
        if (node is ScalarNode { IsNull: false } id)
            node = new MapNode(place, [new MapEntry("use", place, id)]);
        if (node is MapNode map)
            node = new MapNode(
                place,
                [
                    .. map.Without(options.Select(option => option.Key)).Entries,
                    .. options.Select(option => new MapEntry(option.Key, place, Assignment.NodeOf(option.Value, place))),
                ]);
        var part = Registry.Get<T>(Binder.PartOf(node));
        var bound = PlanReader.EngineRecords.ContainsKey(section)
            ? Binder.BindPart<Engine.Diffusion.SamplingOptions>(node, part.Value.OptionsType).Options
            : Binder.BindPart(node, part.Value.OptionsType);
        return Planned(section, part, bound, node);
    }
}
