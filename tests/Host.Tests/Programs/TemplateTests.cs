using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Experiments;
using static VoxelZoo.Host.Tests.Programs.AuthorTools;

namespace VoxelZoo.Host.Tests.Programs;

/// <summary><c>dotnet new voxelzoo-plugin</c>, as an author has it: from the packed feed alone, outside of the repository.</summary>
public sealed class TemplateTests : IDisposable
{
    private static readonly string[] Kinds = ["architecture", "strategy", "compressor", "augmentation", "sampler", "metric"];

    private readonly Workspace _work = new();

    public void Dispose() => _work.Dispose();

    [Fact]
    public void Plugin_of_each_kind_builds_proves_itself_and_trains_in_a_host()
    {
        var plugins = Directory.CreateDirectory(_work.At("plugins")).FullName;
        New();

        Dotnet(["build", _work.Write("all.slnx", Solution()), "-c", "Release", .. Restoring(_work.At("restored"))]);

        foreach (var kind in Kinds)
        {
            RunTests(_work.At($"Acme.{kind}/tests/bin/Release/net10.0/Acme.{kind}.Tests"));
            Put(kind, plugins);
            var described = _work.Here("describe", Experiment(kind), "--json", "--plugins", plugins);
            Assert.Equal((0, ""), (described.ExitCode, described.Error));
        }

        var trained = _work.Program("train", OfAllKinds(), "--profile", "smoke", "--run", _work.Run, "--plugins", plugins);
        Assert.True(trained.ExitCode == 0, trained.Error);
        var recorded = JsonNode.Parse(File.ReadAllText(Path.Combine(_work.Run, "provenance.json")))!.ToJsonString();
        Assert.All(Kinds, kind => Assert.Contains($"acme.{kind}", recorded, StringComparison.Ordinal));
    }

    /// <summary>Puts a plugin into a host's folder: one by its package, the others by their folders.</summary>
    private void Put(string kind, string plugins)
    {
        if (kind != Kinds[0])
        {
            Directory.Move(_work.At($"Acme.{kind}/src/bin/Release/net10.0"), Path.Combine(plugins, $"Acme.{kind}"));
            return;
        }

        Dotnet("pack", _work.At($"Acme.{kind}/src"), "-c", "Release", "--no-build", "-o", _work.At("feed"));
        var outcome = _work.Here("plugins", "install", $"acme.{kind}", "--source", _work.At("feed"), "--json", "--plugins", plugins);
        Assert.Equal((0, ""), (outcome.ExitCode, outcome.Error));
        var folder = (string)JsonNode.Parse(outcome.Out)!["path"]!;
        Assert.Equal(
            [$"Acme.{kind}.deps.json", $"Acme.{kind}.dll", $"Acme.{kind}.pdb", $"experiments/acme_{kind}.yaml", "plugin.json"],
            Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(folder, file)).Order(StringComparer.Ordinal));
    }

    private string Experiment(string kind) => _work.At($"Acme.{kind}/experiments/acme_{kind}.yaml");

    private void New()
    {
        string[] hive = ["--debug:custom-hive", _work.At("hive")];
        Dotnet(["new", "install", Package("VoxelZoo.Templates"), .. hive]);
        foreach (var kind in Kinds)
            Dotnet(["new", "voxelzoo-plugin", "-n", $"Acme.{kind}", "-o", _work.At($"Acme.{kind}"), "--kind", kind, "--feed", Feed, .. hive]);
    }

    private static string Solution() =>
        SolutionOf(Kinds.SelectMany(kind => new[] { $"Acme.{kind}/src/Acme.{kind}.csproj", $"Acme.{kind}/tests/Acme.{kind}.Tests.csproj" }));

    /// <summary>The architecture's experiment with the other parts in it.</summary>
    private string OfAllKinds() => _work.Write("all.yaml", $$"""
        extends: {{Experiment("architecture")}}
        compressor: {use: acme_compressor}
        strategy: {use: acme_strategy}
        augmentations: [acme_augmentation]
        sampling: {use: acme_sampler, steps: 2}
        evaluation: {metrics: [acme_metric]}

        """);
}
