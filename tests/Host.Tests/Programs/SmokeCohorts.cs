using System.Collections.Concurrent;
using VoxelZoo.Host.Configuration;
using VoxelZoo.Host.Plugins;
using VoxelZoo.Host.Tests.Programs;

[assembly: AssemblyFixture(typeof(SmokeCohorts))]

namespace VoxelZoo.Host.Tests.Programs;

/// <summary>The cohorts of smoke profiles: the first experiment that asks for one makes it, those that ask for the same take it.</summary>
public sealed class SmokeCohorts : IDisposable
{
    private readonly ConcurrentDictionary<string, string> _folders = [];
    private readonly Workspace _work = new();

    /// <summary>What an experiment's smoke profile asks for.</summary>
    internal static string Asked(string id) =>
        YamlWriter.Write((MapNode)ExperimentFile.Load(
            ExperimentFolder.Resolve(id, PluginCatalogue.Read([])),
            profile: "smoke",
            engineRecords: PlanReader.EngineRecords)["data"]!["synthesize"]!);

    /// <summary>The folder of such a cohort, or null while there is none.</summary>
    internal string? Find(string asked) => _folders.GetValueOrDefault(asked);

    /// <summary>Keeps the cohort that a run made.</summary>
    internal void Keep(string asked, string cohort)
    {
        var folder = _work.At($"{Guid.NewGuid():n}");
        Directory.Move(cohort, folder);
        _folders.TryAdd(asked, folder);
    }

    public void Dispose() => _work.Dispose();
}
