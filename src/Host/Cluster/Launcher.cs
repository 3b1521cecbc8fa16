using System.Globalization;
using VoxelZoo.Engine.Distributed;
using VoxelZoo.Engine.Distributed.Mpi;

namespace VoxelZoo.Host.Cluster;

/// <summary>
/// What started this process beside others: Open MPI's <c>mpirun</c>, or SLURM's <c>srun</c>. They say so in the environment.
/// </summary>
/// <param name="Name">What the user calls it.</param>
/// <param name="Processes">Processes that it started, this one among them.</param>
/// <param name="Rank">Which one this is, from 0.</param>
/// <param name="LocalRank">Which one it is on its machine, from 0.</param>
internal sealed record Launcher(string Name, int Processes, int Rank, int LocalRank)
{
    /// <summary>The launcher, or null where this process was started by itself, or as the only one.</summary>
    public static Launcher? Find() => Find(Environment.GetEnvironmentVariable);

    /// <summary>The same in another environment.</summary>
    internal static Launcher? Find(Func<string, string?> variable)
    {
        // mpirun first: under SLURM it starts its own helpers with srun. A job script has SLURM_NTASKS too and is one
        // process, so that the step counts
        var found = Of("mpirun", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK")
            ?? Of("srun", "SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "SLURM_LOCALID");
        return found is { Processes: > 1 } ? found : null;

        Launcher? Of(string name, string size, string rank, string localRank) =>
            Number(size) is { } processes ? new Launcher(name, processes, Number(rank) ?? 0, Number(localRank) ?? 0) : null;

        int? Number(string name) =>
            int.TryParse(variable(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    /// <summary>Joins the other processes. From here on, only the first one is heard on the console.</summary>
    /// <exception cref="UsageException">They do not find each other.</exception>
    public ICollective Join()
    {
        if (Rank > 0)
        {
            Console.SetOut(TextWriter.Null);
            Console.SetError(TextWriter.Null);
        }

        var collective = MpiCollective.Join();
        if (collective.Size == Processes)
            return collective;
        throw new UsageException(
            $"{Name} started {Processes} processes that do not find each other (Open MPI counts {collective.Size}); "
            + "use Open MPI's own mpirun, or `srun --mpi=pmix` where `srun --mpi=list` has it");
    }
}
