using System.Collections.Concurrent;
using VoxelZoo.Host.Tests.Programs;

[assembly: AssemblyFixture(typeof(SmokeRuns))]

namespace VoxelZoo.Host.Tests.Programs;

/// <summary>Runs of smoke profiles that several tests begin with: each is trained once, and a test has a copy of its own.</summary>
public sealed class SmokeRuns : IDisposable
{
    private static readonly ConcurrentDictionary<string, Lazy<TemporaryFolder>> s_runs = [];

    public void Dispose()
    {
        foreach (var run in s_runs.Values.Where(run => run.IsValueCreated))
            run.Value.Dispose();
    }

    /// <summary>The run that <c>train ID --profile smoke</c> makes; not to be changed.</summary>
    internal static string Of(string id) => s_runs.GetOrAdd(id, _ => new(() => Train(id))).Value.Path;

    private static TemporaryFolder Train(string id)
    {
        var folder = new TemporaryFolder();
        var outcome = VoxelZooProgram.RunWith(Workspace.OneThread, "train", id, "--profile", "smoke", "--run", folder.Path);
        Assert.True(outcome.ExitCode == 0, outcome.Error);
        return folder;
    }
}
