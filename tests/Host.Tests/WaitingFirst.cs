using VoxelZoo.Host.Tests;
using VoxelZoo.Host.Tests.Cluster;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(WaitingFirst))]

namespace VoxelZoo.Host.Tests;

/// <summary>Begins with the classes that wait for SLURM, whose minutes pass beside the work of the others.</summary>
public sealed class WaitingFirst : ITestCollectionOrderer
{
    private static readonly string[] Waiting =
    [
        .. typeof(WaitingFirst).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(SlurmChains))).Select(type => type.FullName!),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection =>
        [
            .. testCollections.OrderByDescending(
                collection => Waiting.Any(name => collection.TestCollectionDisplayName.Contains($" {name} ", StringComparison.Ordinal))),
        ];
}
