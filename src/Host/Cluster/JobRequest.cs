namespace VoxelZoo.Host.Cluster;

/// <summary>What each segment of a chain asks SLURM for.</summary>
internal sealed record JobRequest
{
    /// <summary>The longest time that a segment may take.</summary>
    public required WallTime Time { get; init; }

    /// <summary>
    /// Seconds before the limit at which training is told to stop: time to finish the step under way and write a checkpoint.
    /// </summary>
    public required int Lead { get; init; }

    /// <summary>Machines.</summary>
    public required int Nodes { get; init; }

    /// <summary>GPUs on each machine, or null to ask for none.</summary>
    public int? Gpus { get; init; }

    /// <summary>Processes on each machine, or null for one for each GPU, or one where none is asked for.</summary>
    public int? Tasks { get; init; }

    /// <summary>Processes on each machine.</summary>
    public int ProcessesPerNode => Tasks ?? Gpus ?? 1;

    /// <summary>Processes in all.</summary>
    public int Processes => Nodes * ProcessesPerNode;

    /// <summary>CPU cores for each process, or null for the cluster's default.</summary>
    public int? Cpus { get; init; }

    /// <summary>Memory on each machine in GiB, or null for the cluster's default.</summary>
    public int? Memory { get; init; }

    /// <summary>Queue, or null for the cluster's default.</summary>
    public string? Partition { get; init; }

    /// <summary>The account to charge, or null for the user's default.</summary>
    public string? Account { get; init; }

    /// <summary>Options of sbatch that have no option of their own here, as in <c>--constraint=a100</c>.</summary>
    public IReadOnlyList<string> Others { get; init; } = [];
}
