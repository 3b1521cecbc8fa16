using VoxelZoo.Engine.Diffusion;
using VoxelZoo.Engine.Diffusion.Latents;
using VoxelZoo.Engine.Experiments;
using VoxelZoo.Engine.Plans;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Tests.Plugins;

namespace VoxelZoo.Host.Tests.Configuration;

/// <summary>A run's experiment names the plugin of each part and the defaults of its options, and is the same experiment.</summary>
public sealed class OptionDefaultsTests : IDisposable
{
    private static readonly string Folder = Path.Combine(Repository.Root, "experiments");
    private static readonly PartRegistry Registry = new(PluginCatalogue.Read([Repository.Plugins]), [new IdentityCompressor()]);
    private readonly Fixtures _fixtures = new();

    public void Dispose() => _fixtures.Dispose();

    public static TheoryData<string> All => [.. ExperimentFolder.List(Folder).Select(file => Path.GetRelativePath(Folder, file))];

    [Theory]
    [MemberData(nameof(All))]
    public void Completed_experiment_has_the_same_plan_and_nothing_more_to_complete(string file)
    {
        var before = ExperimentLoader.Read(Path.Combine(Folder, file));
        var plan = ExperimentLoader.ReadPlan(Registry, before);

        var whole = YamlWriter.Write(OptionDefaults.Completed(before, plan));
        var read = (MapNode)YamlReader.Parse(whole, "experiment.yaml");
        var again = ExperimentLoader.ReadPlan(Registry, read);

        Assert.Equal(ExperimentSource.Of(plan).Text, ExperimentSource.Of(again).Text);
        Assert.Equal((plan as ExperimentPlan)?.Shape, (again as ExperimentPlan)?.Shape);
        Assert.Equal(whole, YamlWriter.Write(OptionDefaults.Completed(read, again)));
        if (plan is ExperimentPlan)
            Assert.Contains($"use: {plan.Sources[1].Plugin}/", whole, StringComparison.Ordinal);
    }

    [Fact]
    public void Default_of_every_type_is_written_where_the_experiment_leaves_it_out()
    {
        _fixtures.Add("Factor1");

        Assert.Equal(
            "compressor:\n  use: factor/factor\n  meant:\n    sizes: [4]\n    often: true\n  factor: 2\n",
            Completed("compressor: {use: factor, meant: {sizes: [4]}}"));
        Assert.Equal(
            "compressor:\n  use: factor/factor\n  normalize: false\n  factor: 2\n  meant:\n    often: true\n    sizes: [1.5, 2]\n",
            Completed("compressor: {use: factor, normalize: false}"));
        Assert.StartsWith("compressor:\n  use: factor/factor\n  factor: 2\n", Completed("compressor: factor"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_an_architecture_completes_from_the_shapes_is_left_to_it()
    {
        var whole = Completed("compressor: identity");

        Assert.DoesNotContain("in_channels", whole, StringComparison.Ordinal);
        Assert.Contains("architecture:\n  use: unet3d/unet3d\n", whole, StringComparison.Ordinal);
        Assert.Contains("  norm_eps: ", whole, StringComparison.Ordinal);
    }

    [Fact]
    public void Short_name_over_one_with_the_plugin_is_the_same_part()
    {
        var file = _fixtures.Folder + "/e.yaml";
        File.WriteAllText(file, "sampling: {use: samplers/ddim, eta: 0.5, count: 3}\n");

        string With(string set) => YamlWriter.Write(ExperimentFile.Load(file, [Assignment.Parse(set)], null, PlanReader.EngineRecords));

        Assert.Equal("sampling:\n  use: samplers/ddim\n  eta: 0.5\n  count: 3\n", With("sampling.use=ddim"));
        Assert.Equal("sampling:\n  count: 3\n  use: euler\n", With("sampling.use=euler"));
        Assert.Equal("sampling:\n  count: 3\n  use: acme/ddim\n", With("sampling.use=acme/ddim"));
    }

    /// <summary>
    /// The smoke profile of the smallest experiment with values over it: its compressor's section, or all where that is the host's.
    /// </summary>
    private string Completed(string over)
    {
        File.WriteAllText(Path.Combine(_fixtures.Folder, "e.yaml"), $"extends: {Folder}/exp11.yaml\n{over}\n");
        var file = ExperimentLoader.Read(Path.Combine(_fixtures.Folder, "e.yaml"), [], "smoke");
        var registry = new PartRegistry(PluginCatalogue.Read(Repository.Plugins, _fixtures.Folder), [new IdentityCompressor()]);
        var whole = OptionDefaults.Completed(file, ExperimentLoader.ReadPlan(registry, file));
        return YamlWriter.Write(
            over.Contains("factor", StringComparison.Ordinal) ? new MapNode(whole.Position, [whole.Find("compressor")!]) : whole);
    }
}
