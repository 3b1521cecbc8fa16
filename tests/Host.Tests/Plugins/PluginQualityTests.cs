using VoxelZoo.Conformance;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Tests.Programs;
using VoxelZoo.PluginManifest;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>What each level of quality asks for: a plugin that has all of it, and loses one thing at a time.</summary>
public sealed class PluginQualityTests : IDisposable
{
    private const string Documented = """{"properties": {"width": {"type": "integer", "description": "Channels."}}}""";

    private readonly TemporaryFolder _folder = new();

    public PluginQualityTests()
    {
        _folder.Write("README.md", "# Acme\n");
        _folder.Write("experiments/small.yaml", "id: small\narchitecture: {use: acme_net, width: 8}\n");
        _folder.Write("weights/net.safetensors", "");
        _folder.Write("weights/card.yaml", "id: acme/net\n");
    }

    public void Dispose() => _folder.Dispose();

    private Plugin Whole => new()
    {
        Id = "acme.net",
        Path = _folder.Path,
        Summary = "A network.",
        License = "MIT",
        Changelog = "First version.",
        Tests = "Acme.Net.Tests",
        Parts = [new PartMetadata("architecture", "acme_net", "A network.") { Options = Documented }],
    };

    [Fact]
    public void Plugin_that_has_all_is_gold() => Assert.Equal(
        (QualityLevel.Gold, null), Quality(Whole, passes: true) is var quality ? (quality.Level, quality.Next) : default);

    public static TheoryData<string, string> Losses => new()
    {
        { "licence", "Bronze" }, { "summary", "Bronze" }, { "conformance", "Bronze" },
        { "options", "Silver" }, { "docs", "Silver" }, { "experiment", "Silver" },
        { "tests", "Gold" }, { "changes", "Gold" }, { "weights", "Gold" },
    };

    [Theory]
    [MemberData(nameof(Losses))]
    public void What_is_missing_is_named_and_its_level_not_reached(string criterion, string level)
    {
        var plugin = criterion switch
        {
            "licence" => Whole with { License = "" },
            "summary" => Whole with { Parts = [Whole.Parts[0] with { Summary = "" }] },
            "options" => Whole with { Parts = [Whole.Parts[0] with { Options = Documented.Replace("description", "title") }] },
            "tests" => Whole with { Tests = "" },
            "changes" => Whole with { Changelog = "" },
            _ => Whole,
        };
        if (criterion == "docs")
            File.Delete(Path.Combine(_folder.Path, "README.md"));
        if (criterion == "experiment")
            _folder.Write("experiments/small.yaml", "id: small\narchitecture: {use: unet3d}\n");
        if (criterion == "weights")
            File.Delete(Path.Combine(_folder.Path, "weights/card.yaml"));

        var quality = Quality(plugin, passes: criterion != "conformance");

        Assert.Equal([criterion], quality.Criteria.Where(one => !one.Holds).Select(one => one.Name));
        Assert.Equal((level, Enum.Parse<QualityLevel>(level) - 1), ($"{quality.Next}", quality.Level));
        Assert.All(quality.Criteria, one => Assert.NotEqual("", one.Finding));
    }

    [Fact]
    public void Higher_level_counts_only_on_top_of_the_lower_ones()
    {
        var quality = Quality(Whole with { License = "", Tests = "" }, passes: true);

        Assert.Equal((QualityLevel.None, QualityLevel.Bronze), (quality.Level, quality.Next));
    }

    [Fact]
    public void Experiment_that_cannot_be_read_is_told_with_its_place()
    {
        _folder.Write("experiments/torn.yaml", "architecture: {use: acme_net\n");

        var experiment = Quality(Whole, passes: true).Criteria.Single(one => one.Name == "experiment");

        Assert.False(experiment.Holds);
        Assert.Contains("torn.yaml:", experiment.Finding, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("experiments/d.yaml/x.txt", "experiments/d.yaml is a folder, and experiments are files that end in .yaml")]
    [InlineData("experiments/more/d.yml", "experiments/more/d.yml is called otherwise, and experiments are files that end in .yaml")]
    public void Experiment_that_nothing_finds_is_told(string path, string finding)
    {
        _folder.Write(path, "id: d\n");

        var experiment = Quality(Whole, passes: true).Criteria.Single(one => one.Name == "experiment");

        Assert.Equal((false, finding), (experiment.Holds, experiment.Finding));
    }

    [Theory]
    [InlineData("id: [acme\n", "weights/net.safetensors has a card.yaml that cannot be read (")]
    [InlineData("nobody knows\n", "weights/net.safetensors has a card.yaml without fields beside it, which says how it was trained")]
    public void Card_that_is_none_is_told(string text, string finding)
    {
        _folder.Write("weights/card.yaml", text);

        var weights = Quality(Whole, passes: true).Criteria.Single(one => one.Name == "weights");

        Assert.False(weights.Holds);
        Assert.StartsWith(finding, weights.Finding, StringComparison.Ordinal);
    }

    private static PluginQuality Quality(Plugin plugin, bool passes) =>
        PluginQuality.Of(plugin, [new ConformanceCheck("shape", passes, "it fits"), new ConformanceCheck("finite", true, "it is")]);
}
