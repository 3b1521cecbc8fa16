using VoxelZoo.Host.Tests;
using VoxelZoo.Host.Tests.Cluster;
using VoxelZoo.Host.Tests.Plugins;
using VoxelZoo.Host.Tests.Verbs.Runs;
using Xunit.Sdk;
using Xunit.v3;

[assembly: TestCollectionOrderer(typeof(LongestFirst))]

namespace VoxelZoo.Host.Tests;

/// <summary>
/// Begins with the classes that wait for SLURM, whose minutes pass beside the work of the others, and goes on with those that take
/// longest, so that none of them is left alone at the end.
/// </summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] First =
    [
        .. typeof(LongestFirst).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(SlurmChains))).Select(type => type.FullName!),
        .. new[] { typeof(StageTests), typeof(TemplateTests), typeof(ThirdPartyTests), typeof(SeveralProcessesTests) }
            .Select(type => type.FullName!),
    ];

    public IReadOnlyCollection<TTestCollection> OrderTestCollections<TTestCollection>(IReadOnlyCollection<TTestCollection> testCollections)
        where TTestCollection : ITestCollection => [.. testCollections.OrderBy(Place)];

    private static int Place<TTestCollection>(TTestCollection collection)
        where TTestCollection : ITestCollection
    {
        var place = Array.FindIndex(
            First, name => collection.TestCollectionDisplayName.Contains($" {name} ", StringComparison.Ordinal));
        return place < 0 ? First.Length : place;
    }
}
