using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using VoxelZoo.Host.Tests.Programs;
using static VoxelZoo.Host.Tests.Plugins.AuthorTools;

namespace VoxelZoo.Host.Tests.Plugins;

/// <summary>
/// <c>dotnet new voxelzoo-plugin</c>, as an author has it: from the packed feed alone, outside of the repository. The architecture is the
/// one of docs/tutorial.md, all of whose commands are run; the other kinds go the same way beside it.
/// </summary>
public sealed class TemplateTests : IDisposable
{
    private const string Tutorial = "Acme.Blocks";

    private static readonly string[] OtherKinds = ["strategy", "compressor", "augmentation", "sampler", "metric"];

    private static readonly string[] Projects = [Tutorial, .. OtherKinds.Select(Name)];

    /// <summary>
    /// Names that hide the contract's types, such as <c>Metric</c>, from code outside of their namespace; one of them is no identifier.
    /// </summary>
    private static string Name(string kind) => $"{(kind == "sampler" ? "3D-" : "")}Acme.{char.ToUpperInvariant(kind[0])}{kind[1..]}";

    private static string Id(string kind) => kind == "sampler" ? "part_3_d_acme_sampler" : $"acme_{kind}";

    private readonly Workspace _work = new();

    private string Plugins => _work.At("plugins");

    private string[] Hive => ["--debug:custom-hive", _work.At("hive")];

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Commands_of_the_tutorial_work_and_plugins_of_all_kinds_prove_themselves_and_train_together()
    {
        Directory.CreateDirectory(Plugins);
        var steps = TutorialPage.Steps.ToList();
        // what the page writes after its tests is written before: they are built once
        foreach (var step in steps.Where(step => step.File is null || step.File.EndsWith(".cs", StringComparison.Ordinal)))
            Do(step, steps.Where(other => other.File is not null));

        Assert.Equal(11, steps.Count(step => step.File is null));
        Assert.Equal(2, steps.Count(step => step.File is not null));
        Assert.DoesNotContain(Tutorial, string.Concat(Directory.EnumerateFileSystemEntries(Plugins)), StringComparison.OrdinalIgnoreCase);
        var recorded = File.ReadAllText(_work.At($"{Tutorial}/runs/blocks/provenance.json"));
        Assert.All(Projects, name => Assert.Contains(name.ToLowerInvariant(), recorded, StringComparison.Ordinal));
    }

    private void Do(TutorialPage.Step step, IEnumerable<TutorialPage.Step> written)
    {
        switch (step.Words)
        {
            case []:
                break;
            case ["cd", Tutorial]:
                foreach (var file in written)
                    Write(_work.At($"{Tutorial}/{file.File}"), file.Text);
                break;
            case ["dotnet", "new", "install", ..]:
                Dotnet([.. step.Words[1..], .. Hive]);
                break;
            case ["dotnet", "new", "voxelzoo-plugin", "-n", Tutorial, "--kind", "architecture", "--feed", _, "-o", Tutorial]:
                Dotnet([.. step.Words[1..^1], _work.At(Tutorial), .. Hive]);
                foreach (var kind in OtherKinds)
                    Dotnet(
                        ["new", "voxelzoo-plugin", "-n", Name(kind), "-o", _work.At(Name(kind)), "--kind", kind, "--feed", Feed, .. Hive]);
                break;
            case ["dotnet", "test", "-c", "Release"]:
                Test();
                break;
            case ["dotnet", "pack", "src", "-c", "Release"]:
                Dotnet("pack", _work.At($"{Tutorial}/src"), "-c", "Release", "--no-build");
                break;
            case ["voxelzoo", .. var words]:
                Run(words);
                break;
            default:
                Assert.Fail($"the test does not know how to do `{string.Join(' ', step.Words)}`");
                break;
        }
    }

    private static void Write(string path, string text)
    {
        Assert.True(File.Exists(path), path);
        if (path.EndsWith(".csproj", StringComparison.Ordinal))
            text = new Regex("(?=^  </PropertyGroup>)", RegexOptions.Multiline).Replace(File.ReadAllText(path), text, 1);
        File.WriteAllText(path, text);
    }

    /// <summary>Builds all projects at once, and runs the tests of each.</summary>
    private void Test()
    {
        var solution = SolutionOf(Projects.SelectMany(name => new[] { $"{name}/src/{name}.csproj", $"{name}/tests/{name}.Tests.csproj" }));
        Dotnet(["build", _work.Write("all.slnx", solution), "-c", "Release", .. Restoring(_work.At("restored"))]);
        foreach (var name in Projects)
            RunTests(_work.At($"{name}/tests/bin/Release/net10.0/{name}.Tests"));
        foreach (var kind in OtherKinds)
        {
            Directory.Move(_work.At($"{Name(kind)}/src/bin/Release/net10.0"), Path.Combine(Plugins, Name(kind)));
            var described = _work.Here("describe", _work.At($"{Name(kind)}/experiments/{Id(kind)}.yaml"), "--json", "--plugins", Plugins);
            Assert.Equal((0, ""), (described.ExitCode, described.Error));
        }
    }

    /// <summary>Runs a command of the page; the training has the parts of all kinds in it.</summary>
    private void Run(string[] words)
    {
        string[] folders = ["src/", "experiments/", "runs/"];
        string[] placed =
        [
            .. words.Select(word => folders.Any(folder => word.StartsWith(folder, StringComparison.Ordinal))
                ? _work.At($"{Tutorial}/{word}")
                : word),
        ];
        var outcome = words switch
        {
            ["train", ..] => _work.Program([.. placed, .. OfAllKinds, "--plugins", Plugins]),
            ["plugins", "verify", ..] => _work.Program([.. placed, "--json"]),
            _ => _work.Here([.. placed, "--plugins", Plugins]),
        };
        Assert.True(outcome.ExitCode == 0, $"{string.Join(' ', words)}\n{outcome.Error}\n{outcome.Out}");
        if (words is ["plugins", "verify", ..])
            Assert.Equal("gold", (string?)JsonNode.Parse(outcome.Out)!["quality"]);
        if (words is ["plugins", "install", ..])
            Installed();
    }

    private void Installed()
    {
        var folder = (string)JsonNode.Parse(_work.Here("plugins", "info", "acme.blocks", "--json", "--plugins", Plugins).Out)!["path"]!;
        Assert.Equal(
            [$"{Tutorial}.deps.json", $"{Tutorial}.dll", $"{Tutorial}.pdb", "README.md", "experiments/acme_blocks.yaml", "plugin.json"],
            Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Select(file => Path.GetRelativePath(folder, file)).Order(StringComparer.Ordinal));
    }

    private static readonly string[] OfAllKinds =
    [
        "--set", "compressor.use=acme_compressor", "--set", "strategy.use=acme_strategy", "--set", "augmentations=[acme_augmentation]",
        "--set", $"sampling.use={Id("sampler")}", "--set", "sampling.steps=2", "--set", "evaluation.metrics=[acme_metric]",
    ];
}
