using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;

namespace VoxelZoo.Host.Tests.Configuration;

/// <summary>A run that a program of somebody's own trained, whose plan was read from no file, can be read by the command line.</summary>
public sealed class PlanSourceTests
{
    private static readonly string Folder = Path.Combine(Repository.Root, "experiments");

    private static readonly PartRegistry Registry =
        new(PluginCatalogue.Read([Repository.Plugins]), [new IdentityCompressor()]);

    public static TheoryData<string> All => [.. ExperimentFolder.List(Folder).Select(file => Path.GetRelativePath(Folder, file))];

    [Theory]
    [MemberData(nameof(All))]
    public void Text_of_a_plan_is_an_experiment_with_the_same_plan(string file)
    {
        var plan = ExperimentLoader.ReadPlan(Registry, ExperimentLoader.Read(Path.Combine(Folder, file)));

        var text = Text(plan);
        var again = ExperimentLoader.ReadPlan(Registry, (MapNode)YamlReader.ParseValue(text, new Position("experiment.yaml")));

        Assert.Equal(text, Text(again));
        Assert.Equal(plan.Kinds, again.Kinds);
        Assert.Equal(plan.Compared, again.Compared);
        Assert.Equal(plan.Sources.Select(source => source.Plugin), again.Sources.Select(source => source.Plugin));
        Assert.Equal((plan as ExperimentPlan)?.Shape, (again as ExperimentPlan)?.Shape);
    }

    private static string Text(Plan plan) => ExperimentSource.Of(plan).Text;
}
