using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using VoxelZoo.Host.Tests.Programs;

namespace VoxelZoo.Host.Tests.Cluster;

/// <summary>
/// A cluster of one machine, this one: <c>munged</c>, <c>slurmctld</c> and <c>slurmd</c> from a folder of their own,
/// until the tests are done.
/// </summary>
public sealed class SlurmCluster : IDisposable
{
    private readonly List<Process> _daemons = [];
    private readonly string? _folder;

    /// <summary>Starts it where that is possible.</summary>
    public SlurmCluster()
    {
        WhyNot = Missing();
        if (WhyNot is not null)
            return;
        _folder = Directory.CreateTempSubdirectory("slurm-").FullName; // slurm.conf takes no spaces
        File.WriteAllBytes(At("munge.key"), RandomNumberGenerator.GetBytes(128));
        Run("chmod", "0400", At("munge.key"));
        Directory.CreateDirectory(At("state"));
        Directory.CreateDirectory(At("spool"));
        Directory.CreateDirectory(At("tmp"));
        File.WriteAllText(At("slurm.conf"), Configuration(FreePort(), FreePort()));
        Environment = new(Workspace.OneThread) { ["SLURM_CONF"] = At("slurm.conf") };

        Start("munged", "--foreground", "--force", $"--socket={At("munge.socket")}", $"--key-file={At("munge.key")}",
            $"--log-file={At("munged.log")}", $"--pid-file={At("munged.pid")}", $"--seed-file={At("munge.seed")}");
        Await("munged", () => File.Exists(At("munge.socket")));
        Start("slurmctld", "-D");
        Start("slurmd", "-D", "-N", "localhost");
        Await("slurmd", () => Run("sinfo", "--noheader", "--format=%T").Trim() == "idle");
        var started = Run("timeout", "60", "srun", "--mpi=pmix", "--ntasks=2", "echo", "here");
        WhyNoPmix = started.Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => line == "here") == 2
            ? null
            : $"srun starts no two processes by PMIx; install libpmix-dev, whose libpmix.so SLURM's plugin opens: {started}";
    }

    /// <summary>Why there is no cluster, or null where there is one.</summary>
    public string? WhyNot { get; }

    /// <summary>Why jobs of several processes cannot run on it, or null where they can.</summary>
    public string? WhyNoPmix { get; }

    /// <summary>What the programs must find in their environment.</summary>
    internal Dictionary<string, string> Environment { get; } = [];

    /// <summary>Runs the program on it.</summary>
    internal VoxelZooProgram.Outcome VoxelZoo(params string[] arguments) => VoxelZooProgram.RunWith(Environment, arguments);

    /// <summary>Runs one of SLURM's programs; what it prints.</summary>
    internal string Run(string program, params string[] arguments)
    {
        using var process = Process.Start(Prepared(program, arguments))!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return error.Result.Length == 0 ? output : $"{output}{error.Result}";
    }

    /// <summary>Waits for something that the cluster is to do.</summary>
    /// <param name="what">In words.</param>
    /// <param name="done">Whether it is done.</param>
    /// <param name="seconds">How long at most.</param>
    /// <param name="pause">Milliseconds until the next look.</param>
    /// <param name="said">What else tells why it was not.</param>
    internal void Await(string what, Func<bool> done, int seconds = 120, int pause = 250, Func<string>? said = null)
    {
        for (var waited = Stopwatch.StartNew(); !done(); Thread.Sleep(pause))
            Assert.True(
                waited.Elapsed.TotalSeconds < seconds,
                $"{what}: not after {seconds} s\n{Run("squeue", "--states=all")}\n"
                + $"{Run("tail", "-n", "20", At("slurmctld.log"), At("slurmd.log"))}\n{said?.Invoke()}");
    }

    /// <summary>Ends the jobs and the daemons.</summary>
    public void Dispose()
    {
        if (_folder is null)
            return;
        Run("scancel", "--user=root");
        Run("scancel", "--signal=KILL", "--full", "--user=root");
        Thread.Sleep(1000);
        foreach (var daemon in Enumerable.Reverse(_daemons))
        {
            Run("kill", $"{daemon.Id}");
            if (!daemon.WaitForExit(10_000))
                daemon.Kill();
            daemon.Dispose();
        }

        Directory.Delete(_folder, recursive: true);
    }

    private static string? Missing()
    {
        if (System.Environment.UserName != "root")
            return "SLURM's daemons can only be started as root";
        string[] programs = ["/usr/sbin/munged", "/usr/sbin/slurmctld", "/usr/sbin/slurmd", "/usr/bin/sbatch"];
        return programs.FirstOrDefault(program => !File.Exists(program)) is { } absent
            ? $"there is no {absent}: install slurm-wlm and munge"
            : null;
    }

    private string Configuration(int controller, int node) => $"""
        ClusterName=voxelzoo
        SlurmctldHost=localhost
        SlurmUser=root
        SlurmdUser=root
        AuthType=auth/munge
        AuthInfo=socket={At("munge.socket")}
        SlurmctldPort={controller}
        SlurmdPort={node}
        StateSaveLocation={At("state")}
        SlurmdSpoolDir={At("spool")}
        # where PMIx puts the sockets of step 1.0, which another such cluster has too
        TmpFS={At("tmp")}
        SlurmctldPidFile={At("slurmctld.pid")}
        SlurmdPidFile={At("slurmd.pid")}
        SlurmctldLogFile={At("slurmctld.log")}
        SlurmdLogFile={At("slurmd.log")}
        ProctrackType=proctrack/linuxproc
        TaskPlugin=task/none
        MpiDefault=pmix
        ReturnToService=2
        # more processors than there may be, so that jobs do not wait for each other
        SlurmdParameters=config_overrides
        SelectType=select/cons_tres
        SelectTypeParameters=CR_CPU
        NodeName=localhost CPUs=8 State=UNKNOWN
        PartitionName=test Nodes=localhost Default=YES MaxTime=INFINITE State=UP

        """;

    private void Start(string daemon, params string[] arguments)
    {
        var process = Process.Start(Prepared($"/usr/sbin/{daemon}", arguments))!;
        // read, so that a daemon never waits for its output to be taken
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _daemons.Add(process);
    }

    private ProcessStartInfo Prepared(string program, string[] arguments)
    {
        var start = new ProcessStartInfo(
            "env", ["--default-signal", program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in Environment)
            start.Environment[name] = value;
        return start;
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private string At(string name) => Path.Combine(_folder!, name);
}
