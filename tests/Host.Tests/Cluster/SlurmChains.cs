using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>
/// What tests on a SLURM look at and do; each class of them has a cluster of its own, so that they run beside each other.
/// </summary>
public abstract class SlurmChains : IClassFixture<SlurmCluster>, IDisposable
{
    /// <summary>The number of the signal that SLURM sends before the time limit.</summary>
    protected const int Usr1 = 10;

    protected SlurmChains(SlurmCluster cluster)
    {
        Assert.SkipUnless(cluster.WhyNot is null, cluster.WhyNot ?? "");
        Cluster = cluster;
    }

    protected SlurmCluster Cluster { get; }

    private protected Workspace Work { get; } = new();

    public void Dispose()
    {
        Work.Dispose();
        GC.SuppressFinalize(this);
    }

    private protected VoxelZooProgram.Outcome Submit(string run, string time, params string[] more) =>
        Cluster.VoxelZoo(["submit", "exp11", "--profile", "smoke", "--run", Work.At(run), "--time", time, .. more]);

    protected JsonNode Chain(string run) => JsonNode.Parse(Cluster.VoxelZoo("submit", "status", Work.At(run), "--json").Out)!;

    /// <summary>The chain as its file has it: looked at often, where the program would be started each time.</summary>
    protected JsonNode Written(string run) => JsonNode.Parse(File.ReadAllText(Path.Combine(Work.At($"{run}.submit"), "chain.json")))!;

    protected string Job(string run) => (string)Written(run)["segments"]![0]!["job"]!;

    protected long Steps(string run)
    {
        var status = Path.Combine(Work.At(run), "status.json");
        return File.Exists(status) ? (long)JsonNode.Parse(File.ReadAllText(status))!["step"]! : 0;
    }

    protected void AwaitEnd(string run, int seconds = 120) =>
        Cluster.Await("the chain's end", () => (string?)Written(run)["state"] != "active", seconds);

    /// <summary>Waits until a run has taken so many steps; a chain that ended before shows what its jobs said.</summary>
    protected void AwaitSteps(string run, long steps)
    {
        Cluster.Await($"{steps} steps", () => Steps(run) >= steps || (string?)Written(run)["state"] != "active", 300);
        Assert.True(Steps(run) >= steps, Said(run));
    }

    /// <summary>What a run's jobs printed.</summary>
    protected string Said(string run) =>
        string.Concat(Directory.GetFiles(Work.At($"{run}.submit"), "*.log").Order().Select(File.ReadAllText));

    /// <summary>Waits for what a stage leaves; looks often, as stages are short.</summary>
    protected void AwaitFile(string run, string pattern) =>
        Cluster.Await(pattern, () => Work.Holds($"{run}/{pattern}"), 300, pause: 2, () => Said(run));

    /// <summary>Signals the processes that train a run, and not the shells that started them.</summary>
    protected void Signal(string run, string signal)
    {
        foreach (var process in Training(run))
            Cluster.Run("kill", "-s", signal, $"{process}");
    }

    /// <summary>Whether a process that trains a run was sent a signal that it, standing still, has not taken.</summary>
    protected bool Waits(string run, int signal) => Training(run).Any(
        process => File.ReadLines($"/proc/{process}/status").Where(line => line.StartsWith("ShdPnd:", StringComparison.Ordinal))
            .Any(line => (Convert.ToUInt64(line["ShdPnd:".Length..].Trim(), 16) >> (signal - 1) & 1) == 1));

    private List<int> Training(string run)
    {
        var found = new List<int>();
        foreach (var process in Process.GetProcessesByName("voxelzoo"))
        {
            using (process)
            {
                if (CommandLine(process) is { } words
                    && words.Contains("train")
                    && words.Any(word => word.StartsWith(Work.At(run), StringComparison.Ordinal)))
                    found.Add(process.Id);
            }
        }

        return found;
    }

    /// <summary>Sends a job what SLURM sends before the time limit.</summary>
    protected void EndTime(string job) => Cluster.Run("scancel", "--batch", "--signal=USR1", job);

    /// <summary>Has SLURM end a job and start it over.</summary>
    protected void Requeue(string job) => Cluster.Run("scontrol", "requeue", job);

    /// <summary>Spares a job that was requeued the two minutes that it would wait.</summary>
    protected void StartAgain(string run, string job)
    {
        Cluster.Await(
            "the job to wait",
            () => (string?)Written(run)["state"] == "cancelled"
                && Cluster.Run("squeue", "--noheader", "--format=%T", $"--jobs={job}").Trim() == "PENDING");
        Assert.Contains($"SLURM is to start job {job}", (string?)Chain(run)["explanation"], StringComparison.Ordinal);
        Cluster.Run("scontrol", "update", $"JobId={job}", "StartTime=now");
    }

    protected string Weights(string run)
    {
        var checkpoints = Path.Combine(Work.At(run), "checkpoints");
        var latest = File.ReadAllText(Path.Combine(checkpoints, "latest")).Trim();
        return Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(Path.Combine(checkpoints, latest, "denoiser.safetensors"))));
    }

    private static string[]? CommandLine(Process process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/cmdline").Split('\0');
        }
        catch (IOException)
        {
            return null; // it ended just now
        }
    }
}
