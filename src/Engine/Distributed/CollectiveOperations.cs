using System.Text.Json;
using VoxelZoo.Engine.Files;

namespace VoxelZoo.Engine.Distributed;

/// <summary>What is made of the operations of an <see cref="ICollective"/>. All of it is the same in all processes, to the bit.</summary>
public static class CollectiveOperations
{
    /// <summary>Whether this is the process that writes.</summary>
    public static bool IsFirst(this ICollective collective) => collective.Rank == 0;

    /// <summary>This process's share of things that are numbered from 0: every so many-th.</summary>
    public static IEnumerable<int> Share(this ICollective collective, int count)
    {
        for (var i = collective.Rank; i < count; i += collective.Size)
            yield return i;
    }

    /// <summary>The mean of a number over the processes, summed in the order of their ranks.</summary>
    public static double Average(this ICollective collective, double mine) => collective.Gather(mine).Average();

    /// <summary>The least of a number over the processes.</summary>
    public static int Min(this ICollective collective, int mine) => (int)collective.Gather((double)mine).Min();

    /// <summary>Whether it is so in any of the processes.</summary>
    public static bool Any(this ICollective collective, bool mine) => collective.Gather(mine ? 1.0 : 0.0).Any(one => one != 0);

    /// <summary>The number that each process gives, by rank.</summary>
    public static double[] Gather(this ICollective collective, double mine)
    {
        var all = new double[collective.Size];
        all[collective.Rank] = mine;
        collective.Sum(all);
        return all;
    }

    /// <summary>What each process gives, by rank; carried over as JSON.</summary>
    public static IReadOnlyList<T> Gather<T>(this ICollective collective, T mine)
        where T : class =>
        [
            .. collective.Gather(JsonSerializer.SerializeToUtf8Bytes(mine, AtomicFile.Json))
                .Select(bytes => JsonSerializer.Deserialize<T>(bytes, AtomicFile.Json)!),
        ];

    /// <summary>What the first process makes, in all of them.</summary>
    public static string FromFirst(this ICollective collective, Func<string> make) =>
        collective.Gather(collective.IsFirst() ? make() : "")[0];

    /// <summary>Done by the first process; the others wait.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled there.</exception>
    public static void ByFirst(this ICollective collective, Action work)
    {
        collective.Together(() =>
        {
            if (collective.IsFirst())
                work();
        });
    }

    /// <summary>Done by the first process, and then by the others, who find done what only needs doing once.</summary>
    public static T FirstThenOthers<T>(this ICollective collective, Func<T> work)
    {
        var result = default(T);
        collective.ByFirst(() => result = work());
        return collective.IsFirst() ? result! : work();
    }

    /// <summary>Does this process's part of what may be cancelled; where one of them was, none goes on as if all were done.</summary>
    /// <exception cref="OperationCanceledException">It was cancelled in one of the processes.</exception>
    public static void Together(this ICollective collective, Action part)
    {
        var cancelled = false;
        try
        {
            part();
        }
        catch (OperationCanceledException)
        {
            cancelled = true;
        }

        if (collective.Any(cancelled))
            throw new OperationCanceledException();
    }
}
